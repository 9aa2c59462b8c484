// Element types of tensors, named as safetensors names them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace storm {

// Those of safetensors. STORM reads and writes values up to F64; tensors of the others it carries as bytes.
enum class DType : uint8_t {
  U8,
  I8,
  I32,
  I64,
  F16,
  BF16,
  F32,
  F64,
  BOOL,
  I16,
  U16,
  U32,
  U64,
  C64,
  F8_E5M2,
  F8_E4M3,
  F8_E8M0,
  F8_E4M3FNUZ,
  F8_E5M2FNUZ,
  F6_E2M3,
  F6_E3M2,
  F4
};

struct DTypeInfo {
  std::string_view name;
  std::size_t bits;  // of an element
};
constexpr DTypeInfo kDTypes[] = {{"U8", 8},      {"I8", 8},      {"I32", 32},        {"I64", 64},        {"F16", 16},
                                 {"BF16", 16},   {"F32", 32},    {"F64", 64},        {"BOOL", 8},        {"I16", 16},
                                 {"U16", 16},    {"U32", 32},    {"U64", 64},        {"C64", 64},        {"F8_E5M2", 8},
                                 {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"F6_E2M3", 6},
                                 {"F6_E3M2", 6}, {"F4", 4}};

constexpr std::string_view dtype_name(DType t) { return kDTypes[static_cast<std::size_t>(t)].name; }  // "F32"
constexpr std::size_t bit_size(DType t) { return kDTypes[static_cast<std::size_t>(t)].bits; }
constexpr std::size_t byte_size(DType t) { return bit_size(t) / 8; }  // not of F6 and F4, which end within a byte
constexpr bool is_readable(DType t) { return t <= DType::F64; }       // whether STORM can read the values

std::optional<DType> dtype_from_name(std::string_view name);  // none for a name that safetensors does not know
std::string readable_dtypes();                                // "U8, I8, ..."

// f16 and bf16 as their bits; conversions round to nearest even, as IEEE 754 asks.
uint16_t f32_to_bf16(float x);
float bf16_to_f32(uint16_t bits);
uint16_t f32_to_f16(float x);
float f16_to_f32(uint16_t bits);

}  // namespace storm
