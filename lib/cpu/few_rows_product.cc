#include "cpu/few_rows_product.h"

#include <algorithm>

#include "base/parallel.h"
#include "cpu/simd.h"

namespace storm {

namespace {

constexpr int64_t kGrain = 1 << 16;  // multiply-adds that are done before another thread has woken up

struct Product {
  int64_t m, n, k;
  const float *x, *w;
  int64_t ldx, ldw;
  bool add;
  float* y;
  int64_t ldy;
};

// Terms t onward, one a lane, into the sums. cut: those of the last lanes alone, which are 1 there.
template <class V, int R, int C, bool cut>
STORM_INLINE void add_terms(const Product& p, const float* x, const float* w, int64_t t, V last, V (&sum)[R][C]) {
  V right[C];
#pragma GCC unroll 4
  for (int j = 0; j < C; ++j) {
    right[j] = simd::load<V>(w + j * p.ldw + t);
    if (cut) right[j] = last != 0.0f ? right[j] : V{};
  }
#pragma GCC unroll 6
  for (int r = 0; r < R; ++r) {
    V left = simd::load<V>(x + r * p.ldx + t);
    if (cut) left = last != 0.0f ? left : V{};
#pragma GCC unroll 4
    for (int j = 0; j < C; ++j) sum[r][j] += left * right[j];
  }
}

// y[0..R, 0..C] of the product that begins at x, w and y: lane i of a sum takes every term whose number is i by the
// lanes, so x and w are read as they lie (the idea is that of llamafile's matrix products, J. Tunney 2024). ahead: the
// rows of w that come next are fetched meanwhile.
template <class V, int R, int C, bool ahead>
STORM_INLINE void tile(const Product& p, const float* x, const float* w, float* y) {
  constexpr int64_t width = sizeof(V) / sizeof(float);
  V sum[R][C] = {};
  const int64_t rest = p.k % width;
  for (int64_t t = 0; t < p.k - rest; t += width) {
    if (ahead)
#pragma GCC unroll 4
      for (int j = 0; j < C; ++j) __builtin_prefetch(w + (C + j) * p.ldw + t);
    add_terms<V, R, C, false>(p, x, w, t, V{}, sum);
  }
  if (rest > 0) {
    V last{};
    for (int64_t i = width - rest; i < width; ++i) last[i] = 1;
    add_terms<V, R, C, true>(p, x, w, p.k - width, last, sum);
  }
#pragma GCC unroll 6
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int j = 0; j < C; ++j) {
      float& to = y[r * p.ldy + j];
      to = (p.add ? to : 0.0f) + simd::total(sum[r][j]);
    }
}

// `rows` rows, at most R, of C columns.
template <class V, int R, int C, bool ahead>
STORM_INLINE void rows_tile(const Product& p, int64_t rows, const float* x, const float* w, float* y) {
  if constexpr (R > 1)
    if (rows < R) return rows_tile<V, R - 1, C, ahead>(p, rows, x, w, y);
  tile<V, R, C, ahead>(p, x, w, y);
}

// All rows of C columns, in tiles as even as can be.
template <class V, int R, int C>
STORM_INLINE void panel(const Product& p, int64_t column) {
  const float* w = p.w + column * p.ldw;
  const int64_t tiles = (p.m + R - 1) / R;
  for (int64_t i = 0, row = 0; i < tiles; ++i) {
    const int64_t end = p.m * (i + 1) / tiles;
    const float* x = p.x + row * p.ldx;
    float* y = p.y + row * p.ldy + column;
    if (i == 0)
      rows_tile<V, R, C, true>(p, end, x, w, y);
    else
      rows_tile<V, R, C, false>(p, end - row, x, w, y);
    row = end;
  }
}

template <class V, int R, int C>
STORM_INLINE void product(const Product& p, int64_t begin, int64_t end) {
  int64_t column = begin;
  for (; column + C <= end; column += C) panel<V, R, C>(p, column);
  for (; column < end; ++column) panel<V, R, 1>(p, column);
}

[[gnu::target("arch=x86-64-v4")]] void product_avx512(const Product& p, int64_t begin, int64_t end) {
  product<simd::V16, 6, 4>(p, begin, end);
}
void product_avx2(const Product& p, int64_t begin, int64_t end) { product<simd::V8, 4, 3>(p, begin, end); }

}  // namespace

bool is_few_rows_product(bool ta, bool tb, int64_t m, int64_t n, int64_t k, float alpha, float beta) {
  if (ta || !tb || alpha != 1 || (beta != 0 && beta != 1) || k < 256) return false;
  const bool from_memory = n * k >= int64_t{1} << 20;
  return m >= (from_memory ? 4 : 13) && m <= (simd::has_avx512() ? 128 : 32);
}

void few_rows_product(int64_t m, int64_t n, int64_t k, const float* x, int64_t ldx, const float* w, int64_t ldw,
                      bool add, float* y, int64_t ldy) {
  const Product p{m, n, k, x, w, ldx, ldw, add, y, ldy};
  const auto some = simd::has_avx512() ? product_avx512 : product_avx2;
  constexpr int64_t panels = 12;  // columns: whole tiles of both
  const int64_t grain = (kGrain / (m * k) + panels) / panels * panels;
  parallel_ranges(n, grain, [&](int64_t begin, int64_t end) { some(p, begin, end); });
}

}  // namespace storm
