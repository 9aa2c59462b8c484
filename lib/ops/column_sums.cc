#include "ops/column_sums.h"

#include <algorithm>

#include "base/parallel.h"
#include "cpu/simd.h"

namespace storm {

namespace {

constexpr int64_t kColumnGrain = 16;  // a cache line, so that two threads never write the same one

STORM_CLONES void column_sums(float* into, const float* d, int64_t rows, int64_t ld, int64_t from, int64_t to) {
  for (int64_t r = 0; r < rows; ++r) {
    const float* row = d + r * ld;
#pragma omp simd
    for (int64_t i = from; i < to; ++i) into[i] += row[i];
  }
}

}  // namespace

void add_column_sums(float* into, float beta, const float* d, int64_t rows, int64_t n, int64_t ld) {
  parallel_ranges(n, kColumnGrain, [&](int64_t begin, int64_t end) {
    if (beta == 0) std::fill(into + begin, into + end, 0.0f);
    column_sums(into, d, rows, ld, begin, end);
  });
}

}  // namespace storm
