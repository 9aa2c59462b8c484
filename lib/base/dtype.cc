#include "base/dtype.h"

#include <immintrin.h>

#include <bit>
#include <cmath>

#include "base/error.h"

namespace storm {

namespace {
constexpr std::string_view kNames[] = {"U8", "I8", "I32", "I64", "F16", "BF16", "F32", "F64"};
}

std::string_view dtype_name(DType t) { return kNames[static_cast<std::size_t>(t)]; }

DType dtype_from_name(std::string_view name) {
  for (std::size_t i = 0; i < std::size(kNames); ++i)
    if (kNames[i] == name) return static_cast<DType>(i);
  fail("unknown dtype '", name, "'");
}

uint16_t f32_to_bf16(float x) {
  const auto bits = std::bit_cast<uint32_t>(x);
  if (std::isnan(x)) return static_cast<uint16_t>((bits >> 16) | 0x40);
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

float bf16_to_f32(uint16_t bits) { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

uint16_t f32_to_f16(float x) {
  return static_cast<uint16_t>(_mm_cvtsi128_si32(_mm_cvtps_ph(_mm_set_ss(x), _MM_FROUND_TO_NEAREST_INT)));
}

float f16_to_f32(uint16_t bits) { return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(bits))); }

}  // namespace storm
