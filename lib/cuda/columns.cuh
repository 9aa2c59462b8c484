// Sums of columns, in an order that the shape alone decides: the gradients of biases and gains.
#pragma once

#include "cuda/context.h"
#include "cuda/rows.cuh"

namespace storm::cuda {

// A block 32 columns, whose loads lie side by side; its warps share the rows, so that even the few hundred partial sums
// of one narrow bias keep many loads under way.
constexpr unsigned kColumnWarps = 16;

static __global__ void __launch_bounds__(kColumnWarps* kWarp)
    column_sums_kernel(const float* parts, int64_t rows, int64_t n, float beta, float* into) {
  __shared__ float sums[kColumnWarps][kWarp];
  const unsigned lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kWarp + lane;
  float sum = 0;
  if (i < n)
    for (int64_t r = warp; r < rows; r += kColumnWarps) sum += parts[r * n + i];
  sums[warp][lane] = sum;
  __syncthreads();
  if (warp != 0 || i >= n) return;
  for (unsigned w = 1; w < kColumnWarps; ++w) sum += sums[w][lane];
  into[i] = beta == 0 ? sum : into[i] + sum;
}

// into = beta * into + the sums of the columns of parts: [rows, n]
inline void queue_column_sums(Context& context, const char* what, const float* parts, int64_t rows, int64_t n,
                              float beta, float* into) {
  context.launch(what, static_cast<unsigned>((n + kWarp - 1) / kWarp), kColumnWarps * kWarp, 0, column_sums_kernel,
                 parts, rows, n, beta, into);
}

}  // namespace storm::cuda
