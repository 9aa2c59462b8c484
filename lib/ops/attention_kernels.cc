#include "ops/attention_kernels.h"

#include "cpu/simd.h"

namespace storm::attention_kernels {

namespace {

using simd::V16;
using simd::V8;

// c[0..R, 0..C vectors) of a product; every sum stays in a register.
template <class V, int R, int C, bool transposed>
STORM_INLINE void tile(const Product& p, int64_t row, int64_t col, int64_t from, int64_t until) {
  const int64_t width = sizeof(V) / sizeof(float);
  V sum[R][C];
  float* c = p.c + row * p.ldc + col;
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int i = 0; i < C; ++i) sum[r][i] = p.add ? simd::load<V>(c + r * p.ldc + i * width) : V{};
  const int64_t a_row = transposed ? 1 : p.lda, a_term = transposed ? p.lda : 1;
  const float* a = p.a + row * a_row + from * a_term;
  const float* b = p.b + from * p.ldb + col;
  const int64_t ldb = p.ldb;
  for (int64_t t = from; t < until; ++t, a += a_term, b += ldb) {
    V right[C];
#pragma GCC unroll 4
    for (int i = 0; i < C; ++i) right[i] = *reinterpret_cast<const V*>(b + i * width);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const V left = a[r * a_row] - V{};
#pragma GCC unroll 4
      for (int i = 0; i < C; ++i) sum[r][i] += left * right[i];
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int i = 0; i < C; ++i) simd::store(sum[r][i], c + r * p.ldc + i * width);
}

// Rows `row` onward, R at a time, what is left by halves of R.
template <class V, int R, bool transposed>
STORM_INLINE void row_tiles(const Product& p, int64_t row) {
  const int64_t width = sizeof(V) / sizeof(float);
  for (; row + R <= p.rows; row += R) {
    const int64_t end = row + R + p.diagonal;  // the first key that none of these queries sees
    int64_t cols = p.cols, from = 0, until = p.terms;
    if (p.band == Band::columns) cols = end < cols ? (end < 0 ? 0 : (end + kLane - 1) / kLane * kLane) : cols;
    if (p.band == Band::terms_until) until = end < until ? end : until;
    if (p.band == Band::terms_from) from = row - p.diagonal > 0 ? row - p.diagonal : 0;
    int64_t col = 0;
    for (; col + 2 * width <= cols; col += 2 * width) tile<V, R, 2, transposed>(p, row, col, from, until);
    if (col < cols) tile<V, R, 1, transposed>(p, row, col, from, until);
  }
  if constexpr (R > 1)
    if (row < p.rows) row_tiles<V, R / 2, transposed>(p, row);
}

template <class V, int R>
STORM_INLINE void product(const Product& p) {
  if (p.transposed)
    row_tiles<V, R, true>(p, 0);
  else
    row_tiles<V, R, false>(p, 0);
}

// These are no clones of one function: tiles are as large as the registers allow, and AVX-512 has four times AVX2's.
[[gnu::target("arch=x86-64-v4")]] void product_avx512(const Product& p) { product<V16, 8>(p); }
void product_avx2(const Product& p) { product<V8, 4>(p); }

// Which elements of (x[i], x[i + S]) become x[i]; those that become x[i + S] lie S further on.
template <int S>
constexpr int low(int e) {
  return e & S ? 8 + e - S : e;
}

// (x[i], x[i + S]) for every i without bit S: swap the off-diagonal blocks of size S.
template <int S>
STORM_INLINE void swap_blocks(V8* x) {
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i)
    if (!(i & S)) {
      const V8 a = x[i], b = x[i + S];
      x[i] = __builtin_shufflevector(a, b, low<S>(0), low<S>(1), low<S>(2), low<S>(3), low<S>(4), low<S>(5), low<S>(6),
                                     low<S>(7));
      x[i + S] = __builtin_shufflevector(a, b, S + low<S>(0), S + low<S>(1), S + low<S>(2), S + low<S>(3),
                                         S + low<S>(4), S + low<S>(5), S + low<S>(6), S + low<S>(7));
    }
}

// The usual widths are constants in copies of these two: rows that short would be all loop overhead.
STORM_INLINE void pack(const float* src, int64_t ld, int64_t rows, int64_t cols, float scale, float* dst,
                       int64_t dst_ld) {
  for (int64_t r = 0; r < rows; ++r) {
    const float* from = src + r * ld;
    float* to = dst + r * dst_ld;
#pragma omp simd
    for (int64_t i = 0; i < cols; ++i) to[i] = scale * from[i];
    for (int64_t i = cols; i < dst_ld; ++i) to[i] = 0;
  }
}

STORM_INLINE void dot_rows(const float* a, const float* b, int64_t ld, int64_t rows, int64_t cols, float* dots) {
  for (int64_t r = 0; r < rows; ++r) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < cols; ++i) sum += a[r * ld + i] * b[r * ld + i];
    dots[r] = sum;
  }
}

STORM_INLINE int64_t visible(const Block& b, int64_t row) {
  const int64_t n = b.causal ? row + b.diagonal + 1 : b.keys;
  return n < 0 ? 0 : n < b.keys ? n : b.keys;
}

}  // namespace

void multiply(const Product& p) { (simd::has_avx512() ? product_avx512 : product_avx2)(p); }

STORM_CLONES void pack_rows(const float* src, int64_t ld, int64_t rows, int64_t cols, float scale, float* dst,
                            int64_t dst_ld) {
  if (cols == 32 && dst_ld == 32)
    pack(src, ld, rows, 32, scale, dst, 32);
  else if (cols == 64 && dst_ld == 64)
    pack(src, ld, rows, 64, scale, dst, 64);
  else
    pack(src, ld, rows, cols, scale, dst, dst_ld);
}

// 8 x 8 in registers: AVX2 has the instructions, and wider ones gain nothing.
void pack_transposed(const float* src, int64_t ld, int64_t rows, int64_t cols, float scale, float* dst,
                     int64_t dst_ld) {
  for (int64_t r = 0; r < dst_ld; r += 8)
    for (int64_t c = 0; c < cols; c += 8) {
      V8 x[8];
      if (r + 8 <= rows && c + 8 <= cols) {
#pragma GCC unroll 8
        for (int i = 0; i < 8; ++i) x[i] = simd::load<V8>(src + (r + i) * ld + c) * scale;
      } else {
        for (int i = 0; i < 8; ++i) {
          x[i] = V8{};
          for (int e = 0; r + i < rows && e < 8 && c + e < cols; ++e) x[i][e] = src[(r + i) * ld + c + e] * scale;
        }
      }
      swap_blocks<1>(x);
      swap_blocks<2>(x);
      swap_blocks<4>(x);
      const int64_t n = cols - c < 8 ? cols - c : 8;
      if (n == 8) {
#pragma GCC unroll 8
        for (int i = 0; i < 8; ++i) *reinterpret_cast<V8*>(dst + (c + i) * dst_ld + r) = x[i];
      } else {
        for (int i = 0; i < n; ++i) *reinterpret_cast<V8*>(dst + (c + i) * dst_ld + r) = x[i];
      }
    }
}

STORM_CLONES void store_rows(const float* src, int64_t ld, int64_t rows, int64_t cols, bool add, float* dst,
                             int64_t dst_ld) {
  for (int64_t r = 0; r < rows; ++r) {
    const float* from = src + r * ld;
    float* to = dst + r * dst_ld;
    if (add) {
#pragma omp simd
      for (int64_t i = 0; i < cols; ++i) to[i] += from[i];
    } else {
#pragma omp simd
      for (int64_t i = 0; i < cols; ++i) to[i] = from[i];
    }
  }
}

STORM_CLONES void divide_rows(const float* src, int64_t ld, const float* sums, int64_t rows, int64_t cols, float* out,
                              int64_t out_ld) {
  for (int64_t r = 0; r < rows; ++r) {
    const float factor = sums[r] > 0 ? 1 / sums[r] : sums[r];  // a NaN stays one
#pragma omp simd
    for (int64_t i = 0; i < cols; ++i) out[r * out_ld + i] = src[r * ld + i] * factor;
  }
}

STORM_CLONES void row_dots(const float* a, const float* b, int64_t ld, int64_t rows, int64_t cols, float* dots) {
  if (cols == 32)
    dot_rows(a, b, ld, rows, 32, dots);
  else if (cols == 64)
    dot_rows(a, b, ld, rows, 64, dots);
  else
    dot_rows(a, b, ld, rows, cols, dots);
}

STORM_CLONES void softmax_rows(const Block& block, bool first, float* scores, float* maxima, float* sums, float* out,
                               int64_t out_ld) {
  alignas(64) float factors[kKeyBlock];
  const int32_t ld = static_cast<int32_t>(block.ld);
  for (int64_t r = 0; r < block.rows; ++r) {
    float* s = scores + r * ld;
    const int32_t n = static_cast<int32_t>(visible(block, r));
    // Whole vectors of kLane, in lanes that are joined at the end: no loop has a remainder.
    alignas(64) float lanes[kLane];
    for (int l = 0; l < kLane; ++l) lanes[l] = first ? -3.4e38f : maxima[r];
    for (int32_t j = 0; j < n; j += kLane)
#pragma omp simd
      for (int32_t l = 0; l < kLane; ++l) {
        const float x = j + l < n ? s[j + l] : -3.4e38f;
        lanes[l] = lanes[l] < x ? x : lanes[l];
      }
    for (int w = kLane / 2; w > 0; w /= 2)
      for (int l = 0; l < w; ++l) lanes[l] = lanes[l] < lanes[l + w] ? lanes[l + w] : lanes[l];
    const float largest = lanes[0];
    for (int l = 0; l < kLane; ++l) lanes[l] = 0;
    for (int32_t j = 0; j < ld; j += kLane)
#pragma omp simd
      for (int32_t l = 0; l < kLane; ++l) {
        const float e = simd::exp(s[j + l] - largest);
        s[j + l] = j + l < n ? e : 0.0f;
        lanes[l] += s[j + l];
      }
    for (int w = kLane / 2; w > 0; w /= 2)
      for (int l = 0; l < w; ++l) lanes[l] += lanes[l + w];
    const float sum = lanes[0];
    if (first) {
      sums[r] = sum;
    } else {
      const float shrink = simd::exp(maxima[r] - largest);
      sums[r] = sums[r] * shrink + sum;
#pragma omp simd
      for (int64_t i = 0; i < out_ld; ++i) out[r * out_ld + i] *= shrink;
    }
    maxima[r] = largest;
    if (block.dropout.active()) {
      dropout_row(block.dropout, block.mask_row + r * block.mask_row_step, n, factors, block.first_key);
#pragma omp simd
      for (int32_t j = 0; j < n; ++j) s[j] *= factors[j];
    }
  }
}

STORM_CLONES void gradient_rows(const Block& block, float* scores, float* d_scores, const float* log_sums,
                                int64_t log_sums_step, const float* dots) {
  alignas(64) float factors[kKeyBlock];
  const int32_t ld = static_cast<int32_t>(block.ld);
  for (int64_t r = 0; r < block.rows; ++r) {
    float *s = scores + r * ld, *d = d_scores + r * ld;
    const int32_t n = static_cast<int32_t>(visible(block, r));
    const float log_sum = log_sums[r * log_sums_step], dot = dots[r];
    if (block.dropout.active()) {
      dropout_row(block.dropout, block.mask_row + r * block.mask_row_step, n, factors, block.first_key);
#pragma omp simd
      for (int32_t j = 0; j < ld; ++j) {
        const float p = simd::exp(s[j] - log_sum), factor = factors[j];
        const float g = p * (factor * d[j] - dot);
        s[j] = j < n ? p * factor : 0.0f;
        d[j] = j < n ? g : 0.0f;
      }
    } else {
#pragma omp simd
      for (int32_t j = 0; j < ld; ++j) {
        const float p = simd::exp(s[j] - log_sum);
        const float g = p * (d[j] - dot);
        s[j] = j < n ? p : 0.0f;
        d[j] = j < n ? g : 0.0f;
      }
    }
  }
}

}  // namespace storm::attention_kernels
