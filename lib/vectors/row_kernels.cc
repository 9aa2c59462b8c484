#include "vectors/row_kernels.h"

#include "cpu/simd.h"

namespace storm {

namespace {

using simd::V16;
using simd::V8;

template <class V>
STORM_INLINE void sum(const float* const* rows, const float* weights, int64_t m, int64_t n, float* to, float* copy) {
  for (int64_t c = 0; c < n; c += sizeof(V) / sizeof(float)) {
    V all{};
    for (int64_t r = 0; r < m; ++r) all += simd::load<V>(rows[r] + c) * weights[r];
    simd::store(all, to + c);
    simd::store(all, copy + c);
  }
}
[[gnu::target("arch=x86-64-v4")]] void sum_512(const float* const* rows, const float* weights, int64_t m, int64_t n,
                                               float* to, float* copy) {
  sum<V16>(rows, weights, m, n, to, copy);
}
void sum_256(const float* const* rows, const float* weights, int64_t m, int64_t n, float* to, float* copy) {
  sum<V8>(rows, weights, m, n, to, copy);
}

template <class V>
STORM_INLINE void add_to_each(const float* after, const float* before, int64_t n, float* const* rows, int64_t m) {
  for (int64_t c = 0; c < n; c += sizeof(V) / sizeof(float)) {
    const V change = simd::load<V>(after + c) - simd::load<V>(before + c);
    for (int64_t r = 0; r < m; ++r) simd::store(simd::load<V>(rows[r] + c) + change, rows[r] + c);
  }
}
[[gnu::target("arch=x86-64-v4")]] void add_to_each_512(const float* after, const float* before, int64_t n,
                                                       float* const* rows, int64_t m) {
  add_to_each<V16>(after, before, n, rows, m);
}
void add_to_each_256(const float* after, const float* before, int64_t n, float* const* rows, int64_t m) {
  add_to_each<V8>(after, before, n, rows, m);
}

STORM_CLONES void add_difference(const float* after, const float* before, float factor, int64_t n, float* to) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) to[i] += factor * (after[i] - before[i]);
}

}  // namespace

void sum_rows(const float* const* rows, const float* weights, int64_t m, int64_t n, float* to, float* copy) {
  (simd::has_avx512() ? sum_512 : sum_256)(rows, weights, m, n, to, copy);
}
void add_change(const float* after, const float* before, float factor, int64_t n, float* to) {
  add_difference(after, before, factor, n, to);
}
void add_change_to_each(const float* after, const float* before, int64_t n, float* const* rows, int64_t m) {
  (simd::has_avx512() ? add_to_each_512 : add_to_each_256)(after, before, n, rows, m);
}

}  // namespace storm
