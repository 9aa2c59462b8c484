// Eight neighbouring columns of a row: what a lane takes at a time. They share one Philox call, and lie in one sector
// of memory, which two loads of 16 bytes read where the row's place allows them.
#pragma once

#include "cuda/rows.cuh"

namespace storm::cuda {

struct Eight {
  float at[8];
};

__device__ __forceinline__ bool wide(const void* p, int64_t columns) {
  return columns >= 8 && (reinterpret_cast<uintptr_t>(p) & 15u) == 0;
}

// columns: how many there are from p on; what is beyond them is 0.
__device__ __forceinline__ Eight load8(const float* p, int64_t columns) {
  Eight e{};
  if (wide(p, columns)) {
    const auto* from = reinterpret_cast<const float4*>(p);
    const float4 low = from[0], high = from[1];
    return {{low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w}};
  }
#pragma unroll
  for (int i = 0; i < 8; ++i)
    if (i < columns) e.at[i] = p[i];
  return e;
}

__device__ __forceinline__ void store8(float* p, const Eight& e, int64_t columns) {
  if (wide(p, columns)) {
    auto* to = reinterpret_cast<float4*>(p);
    to[0] = make_float4(e.at[0], e.at[1], e.at[2], e.at[3]);
    to[1] = make_float4(e.at[4], e.at[5], e.at[6], e.at[7]);
    return;
  }
#pragma unroll
  for (int i = 0; i < 8; ++i)
    if (i < columns) p[i] = e.at[i];
}

// p = beta * p + e, where a beta of 0 does not read what is there.
__device__ __forceinline__ void add8(float* p, float beta, Eight e, int64_t columns) {
  if (beta != 0) {
    const Eight old = load8(p, columns);
#pragma unroll
    for (int i = 0; i < 8; ++i) e.at[i] += old.at[i];
  }
  store8(p, e, columns);
}

// column: of the first of them, a multiple of 8.
__device__ __forceinline__ void drop8(Eight& e, const DropoutStream& stream, int64_t row, int64_t column) {
  const uint4 bits = dropout_bits(stream, row, static_cast<uint32_t>(column / 8));
#pragma unroll
  for (int i = 0; i < 8; ++i) e.at[i] *= dropout_factor(stream, bits, i);
}

}  // namespace storm::cuda
