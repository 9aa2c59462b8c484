// Element types of tensors, named as safetensors names them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace storm {

enum class DType : uint8_t { U8, I8, I32, I64, F16, BF16, F32, F64 };

constexpr std::size_t byte_size(DType t) {
  constexpr std::size_t sizes[] = {1, 1, 4, 8, 2, 2, 4, 8};
  return sizes[static_cast<std::size_t>(t)];
}

std::string_view dtype_name(DType t);          // "F32"
DType dtype_from_name(std::string_view name);  // throws Error for a name that STORM does not know

// f16 and bf16 as their bits; conversions round to nearest even, as IEEE 754 asks.
uint16_t f32_to_bf16(float x);
float bf16_to_f32(uint16_t bits);
uint16_t f32_to_f16(float x);
float f16_to_f32(uint16_t bits);

}  // namespace storm
