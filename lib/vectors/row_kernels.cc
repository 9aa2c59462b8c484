#include "vectors/row_kernels.h"

#include "cpu/simd.h"

namespace storm {

namespace {

STORM_CLONES void add(const float* x, float factor, int64_t n, float* to) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) to[i] += factor * x[i];
}

STORM_CLONES void add_difference(const float* after, const float* before, float factor, int64_t n, float* to) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) to[i] += factor * (after[i] - before[i]);
}

}  // namespace

void add_row(const float* x, float factor, int64_t n, float* to) { add(x, factor, n, to); }
void add_change(const float* after, const float* before, float factor, int64_t n, float* to) {
  add_difference(after, before, factor, n, to);
}

}  // namespace storm
