#include "cpu/row_product.h"

#include <algorithm>

#include "base/parallel.h"
#include "cpu/simd.h"

namespace storm {

namespace {

constexpr int64_t kGrain = 1 << 16;  // multiply-adds that are done before another thread has woken up

// Eight sums, each of every eighth product, and those as oneDNN adds them up.
STORM_CLONES void dot_rows(int64_t n, int64_t k, const float* x, const float* w, int64_t ldw, float* y) {
  for (int64_t r = 0; r < n; ++r) {
    const float* row = w + r * ldw;
    float s[8] = {};
    for (int64_t j = 0; j < k; j += 8) {
#pragma omp simd
      for (int64_t i = 0; i < 8; ++i) s[i] = __builtin_fmaf(x[j + i], row[j + i], s[i]);
    }
    y[r] = 0.0f + (((s[0] + s[1]) + (s[4] + s[5])) + ((s[2] + s[3]) + (s[6] + s[7])));
  }
}

}  // namespace

void row_product(int64_t n, int64_t k, const float* x, const float* w, int64_t ldw, float* y) {
  parallel_ranges(n, std::max<int64_t>(1, kGrain / std::max<int64_t>(1, k)),
                  [&](int64_t begin, int64_t end) { dot_rows(end - begin, k, x, w + begin * ldw, ldw, y + begin); });
}

}  // namespace storm
