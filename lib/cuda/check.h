// Errors of the CUDA runtime as the library's own: what failed, where, and what to try.
#pragma once

#include <cuda_runtime.h>

#include <string>

#include "base/error.h"

namespace storm::cuda {

// what: "residual_norm, 4096 x 512 rows": the op and the shape that it was asked for.
inline void check(cudaError_t result, const std::string& what) {
  if (result == cudaSuccess) return;
  require(result != cudaErrorMemoryAllocation, "cuda: ", what, ": out of memory; lower --max-tokens, or give --memory");
  fail("cuda: ", what, ": ", cudaGetErrorString(result), " (", cudaGetErrorName(result),
       "); run it again with CUDA_LAUNCH_BLOCKING=1 to see which kernel, or with --device cpu");
}

}  // namespace storm::cuda
