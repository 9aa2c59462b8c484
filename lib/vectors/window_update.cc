#include "vectors/window_update.h"

#include <algorithm>
#include <cmath>

#include "cpu/simd.h"

namespace storm {

namespace {

using simd::V16;
using simd::V4;
using simd::V8;

constexpr int64_t kLanes = 16;
// A block of outputs, whose rows stay in registers while inputs pass: 6 rows and 6 sums of AVX2's 16 registers.
constexpr int kOutputs = 6, kInputs = 2;

struct Window {
  float* const* inputs;
  int64_t m;
  float* const* outputs;
  int64_t k;
  const float* labels;
  float rate;
  int64_t stride;
  float *slopes, *columns;
};

// The sums of four vectors, in their order.
STORM_INLINE V4 totals(V8 a, V8 b, V8 c, V8 d) {
  const V8 ab = __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13) +
                __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15);
  const V8 cd = __builtin_shufflevector(c, d, 0, 8, 1, 9, 4, 12, 5, 13) +
                __builtin_shufflevector(c, d, 2, 10, 3, 11, 6, 14, 7, 15);
  const V8 all = __builtin_shufflevector(ab, cd, 0, 1, 8, 9, 4, 5, 12, 13) +
                 __builtin_shufflevector(ab, cd, 2, 3, 10, 11, 6, 7, 14, 15);
  return __builtin_shufflevector(all, all, 0, 1, 2, 3) + __builtin_shufflevector(all, all, 4, 5, 6, 7);
}
STORM_INLINE V8 folded(V16 x) {
  return __builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7) +
         __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15);
}
STORM_INLINE V4 totals(V16 a, V16 b, V16 c, V16 d) { return totals(folded(a), folded(b), folded(c), folded(d)); }

// scores of I inputs from i on with J outputs from j on.
template <class V, int I, int J>
STORM_INLINE void score_tile(const Window& w, int64_t i, int64_t j) {
  constexpr int64_t lanes = sizeof(V) / sizeof(float);
  constexpr int pairs = (I * J + 3) / 4 * 4;
  V sum[pairs] = {};
  for (int64_t c = 0; c < w.stride; c += lanes) {
    V x[I];
#pragma GCC unroll 2
    for (int a = 0; a < I; ++a) x[a] = simd::load<V>(w.inputs[i + a] + c);
#pragma GCC unroll 6
    for (int b = 0; b < J; ++b) {
      const V y = simd::load<V>(w.outputs[j + b] + c);
#pragma GCC unroll 2
      for (int a = 0; a < I; ++a) sum[a * J + b] += x[a] * y;
    }
  }
  alignas(16) float all[pairs];
#pragma GCC unroll 3
  for (int p = 0; p < pairs; p += 4) simd::store(totals(sum[p], sum[p + 1], sum[p + 2], sum[p + 3]), all + p);
#pragma GCC unroll 2
  for (int a = 0; a < I; ++a)
#pragma GCC unroll 6
    for (int b = 0; b < J; ++b) w.slopes[(i + a) * w.k + j + b] = all[a * J + b];
}

// All inputs with J outputs, or fewer where fewer are left.
template <class V, int J>
STORM_INLINE void score_block(const Window& w, int64_t j) {
  if constexpr (J > 1)
    if (w.k - j < J) return score_block<V, J - 1>(w, j);
  int64_t i = 0;
  for (; i + kInputs <= w.m; i += kInputs) score_tile<V, kInputs, J>(w, i, j);
  if (i < w.m) score_tile<V, 1, J>(w, i, j);
}

// Sixteen columns (or eight) of J outputs, or fewer where fewer are left, take their step, and w.columns, which hold
// these columns of the inputs as the outputs before have left them, their part of the inputs'.
template <class V, int J>
STORM_INLINE void update_block(const Window& w, int64_t c, int64_t j) {
  if constexpr (J > 1)
    if (w.k - j < J) return update_block<V, J - 1>(w, c, j);
  V y[J], next[J];
#pragma GCC unroll 6
  for (int b = 0; b < J; ++b) next[b] = y[b] = simd::load<V>(w.outputs[j + b] + c);
  const bool first = j == 0, last = j + J == w.k;
  for (int64_t i = 0; i < w.m; ++i) {
    const V x = simd::load<V>(w.inputs[i] + c);
    V moved = first ? x : simd::load<V>(w.columns + i * kLanes);
    const float* slopes = w.slopes + i * w.k + j;
#pragma GCC unroll 6
    for (int b = 0; b < J; ++b) {
      next[b] += x * slopes[b];
      moved += y[b] * slopes[b];
    }
    simd::store(moved, last ? w.inputs[i] + c : w.columns + i * kLanes);
  }
#pragma GCC unroll 6
  for (int b = 0; b < J; ++b) simd::store(next[b], w.outputs[j + b] + c);
}

template <class V>
STORM_INLINE void update(const Window& w) {
  for (int64_t j = 0; j < w.k; j += kOutputs) score_block<V, kOutputs>(w, j);
    // In whole vectors: there is room behind the last pair.
#pragma omp simd
  for (int64_t p = 0; p < (w.m * w.k + kLanes - 1) / kLanes * kLanes; ++p)
    w.slopes[p] = -w.rate * simd::sigmoid(w.slopes[p]);
  for (int64_t j = 0; j < w.k; ++j)
    if (w.labels[j] != 0)
      for (int64_t i = 0; i < w.m; ++i) w.slopes[i * w.k + j] += w.rate;
  for (int64_t c = 0; c < w.stride; c += sizeof(V) / sizeof(float))
    for (int64_t j = 0; j < w.k; j += kOutputs) update_block<V, kOutputs>(w, c, j);
}

[[gnu::target("arch=x86-64-v4")]] void update_512(const Window& w) { update<V16>(w); }
void update_256(const Window& w) { update<V8>(w); }

}  // namespace

WindowUpdate::WindowUpdate(int64_t stride, int64_t most_inputs, int64_t most_outputs)
    : stride_(stride),
      slopes_(static_cast<std::size_t>(most_inputs * most_outputs + kLanes)),
      columns_(static_cast<std::size_t>(most_inputs * kLanes)) {}

void WindowUpdate::operator()(float* const* inputs, int64_t m, float* const* outputs, int64_t k, const float* labels,
                              float rate) {
  const Window window{inputs, m, outputs, k, labels, rate, stride_, slopes_.data(), columns_.data()};
  (simd::has_avx512() ? update_512 : update_256)(window);
}

double WindowUpdate::loss(int64_t m, int64_t k, float rate) const {
  double sum = 0;
  for (int64_t p = 0; p < m * k; ++p)
    sum -= std::log(std::max(1 - std::abs(static_cast<double>(slopes_[static_cast<std::size_t>(p)])) / rate, 1e-12));
  return sum;
}

}  // namespace storm
