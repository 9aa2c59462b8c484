// What a matrix product's operands are rounded to before they are multiplied. Storage, sums and results stay f32.
#pragma once

#include <cstdint>
#include <iterator>
#include <optional>
#include <string_view>

namespace storm {

enum class ProductPrecision : uint8_t {
  f32,
  tf32,  // 10 bits of mantissa, f32's range; on CUDA devices
  bf16,  // 7 bits, f32's range; on CUDA devices, and on CPUs that have such products
  f16,   // 10 bits, but nothing above 65504, which becomes infinite: for decoding, on CUDA devices
  int8,  // whole numbers from -127 to 127 times a scale a row: for decoding, on CPUs (cpu/packed_weight.h)
};

constexpr const char* kProductPrecisionNames[] = {"f32", "tf32", "bf16", "f16", "int8"};

constexpr const char* name(ProductPrecision precision) { return kProductPrecisionNames[static_cast<int>(precision)]; }

// The one of this name, if there is one.
constexpr std::optional<ProductPrecision> product_precision_named(std::string_view name) {
  for (int i = 0; i < static_cast<int>(std::size(kProductPrecisionNames)); ++i)
    if (name == kProductPrecisionNames[i]) return static_cast<ProductPrecision>(i);
  return {};
}

}  // namespace storm
