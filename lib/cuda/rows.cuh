// What kernels over rows share: sums over a warp, dropout by counter.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "ops/dropout_stream.h"

namespace storm::cuda {

// The block's dynamic shared memory, as many bytes as its launch asked for.
template <class T>
__device__ __forceinline__ T* dynamic_shared() {
#ifdef __CUDACC__
  extern __shared__ uint4 storm_shared[];
  return reinterpret_cast<T*>(storm_shared);
#else
  return static_cast<T*>(emulation::shared_memory());
#endif
}

constexpr unsigned kWarp = 32, kAll = 0xffffffffu;

template <class T>
__device__ __forceinline__ T warp_sum(T x) {
  for (int by = 16; by > 0; by /= 2) x += __shfl_xor_sync(kAll, x, by);
  return x;
}
__device__ __forceinline__ float warp_max(float x) {
  for (int by = 16; by > 0; by /= 2) {
    const float other = __shfl_xor_sync(kAll, x, by);
    x = other > x ? other : x;
  }
  return x;
}

// The same over a block of so many warps. parts: [warps], shared.
template <unsigned warps, class T>
__device__ __forceinline__ T block_sum(T x, T* parts) {
  x = warp_sum(x);
  __syncthreads();
  if (threadIdx.x % kWarp == 0) parts[threadIdx.x / kWarp] = x;
  __syncthreads();
  T sum = 0;
  for (unsigned w = 0; w < warps; ++w) sum += parts[w];
  return sum;
}
template <unsigned warps>
__device__ __forceinline__ float block_max(float x, float* parts) {
  x = warp_max(x);
  __syncthreads();
  if (threadIdx.x % kWarp == 0) parts[threadIdx.x / kWarp] = x;
  __syncthreads();
  float largest = parts[0];
  for (unsigned w = 1; w < warps; ++w) largest = parts[w] > largest ? parts[w] : largest;
  return largest;
}

// The 128 random bits of 8 neighbouring columns (ops/dropout_stream.h): 16 for each, low half-words first.
__device__ __forceinline__ uint4 dropout_bits(const DropoutStream& s, int64_t row, uint32_t group) {
  uint32_t c0 = group, c1 = static_cast<uint32_t>(row), c2 = s.node | 1u << 28,
           c3 = s.batch_at ? *s.batch_at : static_cast<uint32_t>(s.batch);
  uint32_t k0 = static_cast<uint32_t>(s.seed), k1 = static_cast<uint32_t>(s.seed >> 32);
#pragma unroll
  for (int round = 0; round < 10; ++round) {
    const uint32_t a_high = __umulhi(0xD2511F53u, c0), a_low = 0xD2511F53u * c0;
    const uint32_t b_high = __umulhi(0xCD9E8D57u, c2), b_low = 0xCD9E8D57u * c2;
    c0 = b_high ^ c1 ^ k0;
    c1 = b_low;
    c2 = a_high ^ c3 ^ k1;
    c3 = a_low;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return {c0, c1, c2, c3};
}

// 0 or the scale, of column `column` whose group's bits these are.
__device__ __forceinline__ float dropout_factor(const DropoutStream& s, const uint4& bits, int64_t column) {
  const unsigned place = static_cast<unsigned>(column) & 7u;
  const uint32_t word = place < 2 ? bits.x : place < 4 ? bits.y : place < 6 ? bits.z : bits.w;
  return (place & 1u ? word >> 16 : word & 0xffffu) < s.threshold ? s.scale : 0.0f;
}

}  // namespace storm::cuda
