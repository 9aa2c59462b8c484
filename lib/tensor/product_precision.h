// What a matrix product's operands are rounded to before they are multiplied. Storage, sums and results stay f32.
#pragma once

#include <cstdint>

namespace storm {

enum class ProductPrecision : uint8_t {
  f32,
  tf32,  // 10 bits of mantissa, f32's range; on CUDA devices
  bf16,  // 7 bits, f32's range; on CUDA devices, and on CPUs that have such products
  f16,   // 10 bits, but nothing above 65504, which becomes infinite: for decoding, on CUDA devices
};

constexpr const char* name(ProductPrecision precision) {
  constexpr const char* names[] = {"f32", "tf32", "bf16", "f16"};
  return names[static_cast<int>(precision)];
}

}  // namespace storm
