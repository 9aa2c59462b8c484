// The limit of training word vectors: how fast one thread does the small products of a window's update, with all
// operands in the first-level cache.
//   small-product-rate WIDTH...
// Six rows of contexts and six of targets (window 5: three contexts a side on average; a word and five negatives), each
// WIDTH floats, padded to whole vectors. scores: the 36 dot products. updates: to each context the six targets, to each
// target the six contexts, by factors. Prints a line a width: GFLOP/s of CPU time of each and of all, a multiply-add as
// 2, of the width without its padding. The faster of AVX-512 and AVX2 for each.
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <utility>
#include <vector>

#include "base/number.h"
#include "cpu/simd.h"

namespace {

using storm::simd::V16;
using storm::simd::V8;

constexpr int kRows = 6, kPair = 2;  // targets are scored in pairs: 12 sums in registers
constexpr int64_t kLanes = 16;

struct Window {
  float *contexts, *targets;  // [6, stride]
  int64_t stride;             // a multiple of 16
  alignas(64) float scores[kRows / kPair][32];
};

// Of neighbouring runs of S lanes, their halves' sums: those of a in the lower lanes, those of b in the upper ones.
template <class V, int S, int... I>
STORM_INLINE V add_halves(V a, V b, std::integer_sequence<int, I...>) {
  constexpr int half = sizeof...(I) / 2;
  constexpr auto first = [](int i) { return i / half * 2 * half + i % half / (S / 2) * S + i % (S / 2); };
  return __builtin_shufflevector(a, b, first(I)...) + __builtin_shufflevector(a, b, first(I) + S / 2 ...);
}

// The totals of x[0..N) in their order, in the lanes of as few vectors as hold them.
template <class V, int N, int S>
STORM_INLINE void totals(V* x) {
  if constexpr (S > 1) {
#pragma GCC unroll 8
    for (int i = 0; i < (N + 1) / 2; ++i)
      x[i] = add_halves<V, S>(x[2 * i], x[std::min(2 * i + 1, N - 1)],
                              std::make_integer_sequence<int, static_cast<int>(sizeof(V) / sizeof(float))>());
    totals<V, (N + 1) / 2, S / 2>(x);
  }
}

template <class V>
STORM_INLINE void score(Window& w) {
  constexpr int64_t lanes = sizeof(V) / sizeof(float);
  for (int pair = 0; pair < kRows / kPair; ++pair) {
    V sum[kRows * kPair] = {};
    const float *c = w.contexts, *t = w.targets + pair * kPair * w.stride;
    for (int64_t k = 0; k < w.stride; k += lanes) {
      const V a = storm::simd::load<V>(t + k), b = storm::simd::load<V>(t + w.stride + k);
#pragma GCC unroll 6
      for (int r = 0; r < kRows; ++r) {
        const V x = storm::simd::load<V>(c + r * w.stride + k);
        sum[r * kPair] += x * a;
        sum[r * kPair + 1] += x * b;
      }
    }
    totals<V, kRows * kPair, static_cast<int>(lanes)>(sum);
    for (int64_t i = 0; i < (kRows * kPair + lanes - 1) / lanes; ++i)
      storm::simd::store(sum[i], w.scores[pair] + i * lanes);
  }
}

// U vectors of all twelve rows.
template <class V, int U>
STORM_INLINE void update_columns(Window& w, int64_t k) {
  constexpr int64_t lanes = sizeof(V) / sizeof(float);
  V old[2][kRows][U];
#pragma GCC unroll 6
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 2
    for (int u = 0; u < U; ++u) {
      old[0][r][u] = storm::simd::load<V>(w.contexts + r * w.stride + k + u * lanes);
      old[1][r][u] = storm::simd::load<V>(w.targets + r * w.stride + k + u * lanes);
    }
#pragma GCC unroll 2
  for (int side = 0; side < 2; ++side)
#pragma GCC unroll 6
    for (int r = 0; r < kRows; ++r) {
      V sum[U];
#pragma GCC unroll 2
      for (int u = 0; u < U; ++u) sum[u] = old[side][r][u];
#pragma GCC unroll 6
      for (int other = 0; other < kRows; ++other) {
        const int context = side == 0 ? r : other, target = side == 0 ? other : r;
        const V factor = w.scores[target / kPair][context * kPair + target % kPair] - V{};
#pragma GCC unroll 2
        for (int u = 0; u < U; ++u) sum[u] += factor * old[1 - side][other][u];
      }
#pragma GCC unroll 2
      for (int u = 0; u < U; ++u)
        storm::simd::store(sum[u], (side == 0 ? w.contexts : w.targets) + r * w.stride + k + u * lanes);
    }
}

template <class V, int U>
STORM_INLINE void update(Window& w) {
  constexpr int64_t lanes = sizeof(V) / sizeof(float);
  int64_t k = 0;
  for (; k + U * lanes <= w.stride; k += U * lanes) update_columns<V, U>(w, k);
  for (; k < w.stride; k += lanes) update_columns<V, 1>(w, k);
}

// As small as a learning rate and an error of nothing: the operands stay as they are.
STORM_INLINE void scale_scores(Window& w) {
  for (auto& pair : w.scores)
    for (float& s : pair) s *= 1e-9f;
}

[[gnu::target("arch=x86-64-v4")]] void score_avx512(Window& w) { score<V16>(w); }
[[gnu::target("arch=x86-64-v4")]] void update_avx512(Window& w) { update<V16, 2>(w); }
[[gnu::target("arch=x86-64-v4")]] void both_avx512(Window& w) {
  score<V16>(w);
  scale_scores(w);
  update<V16, 2>(w);
}
void score_avx2(Window& w) { score<V8>(w); }
void update_avx2(Window& w) { update<V8, 1>(w); }
void both_avx2(Window& w) {
  score<V8>(w);
  scale_scores(w);
  update<V8, 1>(w);
}

double cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

// The median of some runs, in seconds a call.
double seconds(void (*work)(Window&), Window& w) {
  constexpr int calls = 20000;
  std::vector<double> runs;
  for (int i = 0; i < 9; ++i) {
    const double before = cpu_seconds();
    for (int n = 0; n < calls; ++n) work(w);
    runs.push_back((cpu_seconds() - before) / calls);
  }
  std::nth_element(runs.begin(), runs.begin() + 4, runs.end());
  return runs[4];
}

void measure(int64_t width) {
  const int64_t stride = (width + kLanes - 1) / kLanes * kLanes;
  std::vector<float> rows(static_cast<std::size_t>(2 * kRows * stride) + kLanes);
  float* begin = rows.data();
  while (reinterpret_cast<std::uintptr_t>(begin) % 64 != 0) ++begin;
  Window w{begin, begin + kRows * stride, stride, {}};
  for (int64_t i = 0; i < 2 * kRows * stride; ++i)
    begin[i] = i % stride < width ? static_cast<float>(i * 7919 % 1000) / 1000 - 0.5f : 0;
  const auto best = [&](void (*avx512)(Window&), void (*avx2)(Window&)) {
    scale_scores(w);
    const double narrow = seconds(avx2, w);
    return storm::simd::has_avx512() ? std::min(narrow, seconds(avx512, w)) : narrow;
  };
  const double flops = 2.0 * kRows * kRows * static_cast<double>(width);
  const double scores = best(score_avx512, score_avx2), updates = best(update_avx512, update_avx2),
               all = best(both_avx512, both_avx2);
  std::printf("width %lld scores %.1f updates %.1f all %.1f\n", static_cast<long long>(width), flops / scores / 1e9,
              2 * flops / updates / 1e9, 3 * flops / all / 1e9);
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<int64_t> widths;
  for (int i = 1; i < argc; ++i)
    if (const auto value = storm::parse_number<int64_t>(argv[i]); value && *value > 0 && *value <= 4096)
      widths.push_back(*value);
  if (widths.empty() || std::ssize(widths) != argc - 1) {
    std::fputs("small-product-rate: give widths from 1 to 4096\n", stderr);
    return 2;
  }
  for (const int64_t width : widths) measure(width);
}
