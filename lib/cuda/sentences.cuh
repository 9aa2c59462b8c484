// Which sentence of a ragged batch a row belongs to.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "base/error.h"
#include "tensor/execution.h"

namespace storm::cuda {

struct Sentence {
  int64_t begin, end;  // rows
};

// offsets: [sentences + 1], from 0 to more than row. A warp's lanes ask for one row, so all take the same way.
__device__ __forceinline__ Sentence sentence_of(const int32_t* offsets, int64_t sentences, int64_t row) {
  int64_t low = 0, high = sentences;
  while (high - low > 1) {
    const int64_t middle = (low + high) / 2;
    (offsets[middle] <= row ? low : high) = middle;
  }
  return {offsets[low], offsets[high]};
}

// Looks at the host's offsets: kernels count on them to rise from 0 to the rows.
inline void check_offsets(const Execution& run, Value offsets, int64_t rows, const char* op) {
  const ValueInfo& info = run.graph()[offsets];
  require(info.origin == Origin::constant, op, ": its offsets are no constant");
  const auto* host = static_cast<const int32_t*>(info.data);
  const int64_t sentences = info.shape.rows - 1;
  bool good = host[0] == 0 && host[sentences] == rows;
  for (int64_t s = 0; s < sentences; ++s) good = good && host[s] <= host[s + 1];
  require(good, op, ": offsets must rise from 0 to the ", rows, " rows");
}

}  // namespace storm::cuda
