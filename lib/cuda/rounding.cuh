// Floats as 16 bits, for products whose operands are rounded.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <utility>

#include "cuda/context.h"
#include "cuda/eights.cuh"

namespace storm::cuda {

// To the nearest, ties to even; a NaN stays one. f16: from 65520 on it is infinity.
__device__ __forceinline__ uint16_t to_bf16(float x) {
  const auto bits = static_cast<uint32_t>(__float_as_int(x));
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>(bits >> 16 | 0x40u);
  return static_cast<uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}
__device__ __forceinline__ uint16_t to_f16(float x) {
  const auto bits = static_cast<uint32_t>(__float_as_int(x));
  const uint32_t size = bits & 0x7fffffffu, sign = bits >> 16 & 0x8000u;
  if (size > 0x7f800000u) return static_cast<uint16_t>(sign | 0x7e00u);
  if (size >= 0x477ff000u) return static_cast<uint16_t>(sign | 0x7c00u);
  if (size < 0x38800000u) {  // below 2^-14 its steps are 2^-24, which are those of 0.5
    const float shifted = __int_as_float(static_cast<int>(size)) + 0.5f;
    return static_cast<uint16_t>(sign | (static_cast<uint32_t>(__float_as_int(shifted)) - 0x3f000000u));
  }
  return static_cast<uint16_t>(sign | ((size - 0x38000000u + 0xfffu + (size >> 13 & 1u)) >> 13));
}
__device__ __forceinline__ uint16_t rounded16(float x, bool bf16) { return bf16 ? to_bf16(x) : to_f16(x); }

// Eight of them to p, 16 bytes at a multiple of 16; to: [rows, ld] with ld a multiple of 8.
__device__ __forceinline__ void store_rounded8(uint16_t* p, const Eight& e, bool bf16) {
  uint32_t words[4];
#pragma unroll
  for (int i = 0; i < 4; ++i)
    words[i] = rounded16(e.at[2 * i], bf16) | static_cast<uint32_t>(rounded16(e.at[2 * i + 1], bf16)) << 16;
  *reinterpret_cast<uint4*>(p) = {words[0], words[1], words[2], words[3]};
}

// A thread 8 neighbouring columns of a row: 32 bytes in, 16 out. from: rows ld apart; to: rows rounded_ld apart, a
// multiple of 8 that is at least cols.
static __global__ void __launch_bounds__(256) round_kernel(const float* from, int64_t rows, int64_t cols, int64_t ld,
                                                           uint16_t* to, int64_t rounded_ld, bool bf16) {
  const int64_t groups = rounded_ld / 8, place = static_cast<int64_t>(blockIdx.x) * 256 + threadIdx.x;
  const int64_t row = rows == 1 ? 0 : place / groups, column = (rows == 1 ? place : place % groups) * 8;
  if (row >= rows || column >= cols) return;
  store_rounded8(to + row * rounded_ld + column, load8(from + row * ld + column, cols - column), bf16);
}

constexpr int64_t rounded_row(int64_t cols) { return (cols + 7) / 8 * 8; }

inline void queue_rounding(Context& context, const char* what, const float* from, int64_t rows, int64_t cols,
                           int64_t ld, uint16_t* to, int64_t rounded_ld) {
  if (ld == cols && rounded_ld == cols) cols *= std::exchange(rows, 1), rounded_ld = rounded_row(cols);
  context.launch(what, static_cast<unsigned>((rows * (rounded_ld / 8) + 255) / 256), 256, 0, round_kernel, from, rows,
                 cols, ld, to, rounded_ld, context.precision() == ProductPrecision::bf16);
}

}  // namespace storm::cuda
