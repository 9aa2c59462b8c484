// The kernels of packed products as templates of what differs between them: numbers, registers and the instruction that
// multiplies. A policy P has
//   Sum     a vector of 32-bit sums, one a column of a tile; its lanes are kLanes
//   Weight  a packed number of the weight, X one of x, kGroup of which a lane takes at once
//   kRows, kVectors   a tile: rows of x and vectors of columns, whose sums stay in registers
//   weights(p)        kLanes groups of weights, one a lane
//   repeated(p)       a group of x in every lane
//   add(sum, w, x)    the sum with the products of each lane's group
#pragma once

#include <type_traits>

#include "cpu/packed_product.h"
#include "cpu/simd.h"

namespace storm::packed {

template <int N>
struct WholeVectorOf {
  typedef int32_t Type __attribute__((vector_size(N * 4), may_alias));
};
using W16 = WholeVectorOf<16>::Type;
using W8 = WholeVectorOf<8>::Type;

STORM_INLINE W16 sixteen(const void* p) {  // lanes, of 32 bits each
  typedef W16 Anywhere __attribute__((aligned(4)));
  return *static_cast<const Anywhere*>(p);
}

// Pairs of bytes, widened to 16 bits, of which an instruction multiplies and adds two.
struct WidenedBytes {
  using Sum = W8;
  using Weight = int8_t;
  using X = int16_t;
  static constexpr int kLanes = 8, kGroup = 2, kRows = 6, kVectors = 2;
  STORM_INLINE W8 weights(const int8_t* p) {
    return reinterpret_cast<W8>(_mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
  }
  STORM_INLINE W8 repeated(const int16_t* p) {
    int32_t pair;
    __builtin_memcpy(&pair, p, sizeof pair);
    return W8{} + pair;
  }
  STORM_INLINE W8 add(W8 sum, W8 w, W8 x) {
    return sum + reinterpret_cast<W8>(_mm256_madd_epi16(reinterpret_cast<__m256i>(w), reinterpret_cast<__m256i>(x)));
  }
};

// Four bytes: those of the weight without a sign, 128 larger than they stand for. Dot: what adds the products.
template <class Dot>
struct FourBytes {
  using Sum = W16;
  using Weight = uint8_t;
  using X = int8_t;
  static constexpr int kLanes = 16, kGroup = 4, kRows = 6, kVectors = 4;
  STORM_INLINE W16 weights(const uint8_t* p) { return sixteen(p); }
  STORM_INLINE W16 repeated(const int8_t* p) { return Dot::repeated(p); }
  STORM_INLINE W16 add(W16 sum, W16 w, W16 x) { return Dot::add(sum, w, x); }
};

// Pairs of bf16.
template <class Dot>
struct TwoBf16 {
  using Sum = simd::V16;
  using Weight = uint16_t;
  using X = uint16_t;
  static constexpr int kLanes = 16, kGroup = 2, kRows = 6, kVectors = 4;
  STORM_INLINE W16 weights(const uint16_t* p) { return sixteen(p); }
  STORM_INLINE W16 repeated(const uint16_t* p) { return Dot::repeated(p); }
  STORM_INLINE simd::V16 add(simd::V16 sum, W16 w, W16 x) { return Dot::add(sum, w, x); }
};

// The instructions that these two are for; only in functions of that target. By assembly, also what fills all lanes:
// GCC 12 makes of a scalar added to a vector sixteen instructions, since a template is compiled for the target of no
// function.
struct Lanes {
  STORM_INLINE W16 repeated(const void* p) {
    typedef int32_t Anywhere __attribute__((may_alias, aligned(1)));
    W16 all;
    asm("vpbroadcastd %1, %0" : "=v"(all) : "m"(*static_cast<const Anywhere*>(p)));
    return all;
  }
};
struct Vnni : Lanes {
  STORM_INLINE W16 add(W16 sum, W16 w, W16 x) {
    asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(w), "v"(x));
    return sum;
  }
};
struct DotBf16 : Lanes {
  STORM_INLINE simd::V16 add(simd::V16 sum, W16 w, W16 x) {
    asm("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(w), "v"(x));
    return sum;
  }
};

template <class P>
constexpr int64_t kPanel = int64_t{P::kLanes} * P::kVectors;

// y[0..n] of one row from its sums.
template <class P>
STORM_INLINE void finish(const PackedKernel::Job& job, int64_t row, int64_t column, int64_t n, const void* sums) {
  float out[kPanel<P>];
  if constexpr (std::is_same_v<typename P::Sum, simd::V16>) {
    __builtin_memcpy(out, sums, sizeof out);
  } else {
    const auto* whole = static_cast<const int32_t*>(sums);
    const float* scales = job.weight.scales() + column;
    const float scale = job.scales[row];
    const int32_t excess = job.excess[row];
    if (n == kPanel<P>) {
#pragma omp simd
      for (int64_t i = 0; i < kPanel<P>; ++i) out[i] = static_cast<float>(whole[i] - excess) * (scale * scales[i]);
    } else {
      for (int64_t i = 0; i < n; ++i) out[i] = static_cast<float>(whole[i] - excess) * (scale * scales[i]);
    }
  }
  float* y = job.y + row * job.ldy + column;
  const float* bias = job.epilogue.bias ? job.epilogue.bias + column : nullptr;
  if (bias) {
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) out[i] += bias[i];
  }
  if (job.epilogue.add) {
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) out[i] += y[i];
  }
  if (job.epilogue.relu) {
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) out[i] = 0.0f > out[i] ? 0.0f : out[i];  // a NaN stays one
  }
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) y[i] = out[i];
}

// R rows of a panel.
template <class P, int R>
STORM_INLINE void tile(const PackedKernel::Job& job, int64_t row, int64_t panel) {
  using Sum = typename P::Sum;
  const int64_t stride = job.groups * P::kGroup;
  const auto* w =
      reinterpret_cast<const typename P::Weight*>(job.weight.panel(panel)) + job.first_group * kPanel<P> * P::kGroup;
  const auto* x = reinterpret_cast<const typename P::X*>(job.x) + row * stride;
  Sum sum[R][P::kVectors] = {};
  for (int64_t g = 0; g < job.groups; ++g) {
    decltype(P::weights(w)) right[P::kVectors];
#pragma GCC unroll 4
    for (int j = 0; j < P::kVectors; ++j) right[j] = P::weights(w + j * P::kLanes * P::kGroup);
#pragma GCC unroll 6
    for (int r = 0; r < R; ++r) {
      const auto left = P::repeated(x + r * stride + g * P::kGroup);
#pragma GCC unroll 4
      for (int j = 0; j < P::kVectors; ++j) sum[r][j] = P::add(sum[r][j], right[j], left);
    }
    w += kPanel<P> * P::kGroup;
  }
  const int64_t column = panel * kPanel<P>;
  const int64_t left = job.weight.rows() - column, n = left < kPanel<P> ? left : kPanel<P>;
  Sum kept[R][P::kVectors];  // or the sums, whose address was taken, would be stored with each group
#pragma GCC unroll 6
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int j = 0; j < P::kVectors; ++j) kept[r][j] = sum[r][j];
  for (int r = 0; r < R; ++r) finish<P>(job, row + r, column, n, kept[r]);
}

// `rows` rows, at most R.
template <class P, int R>
STORM_INLINE void rows_tile(const PackedKernel::Job& job, int64_t row, int64_t rows, int64_t panel) {
  if constexpr (R > 1)
    if (rows < R) return rows_tile<P, R - 1>(job, row, rows, panel);
  tile<P, R>(job, row, panel);
}

// Rows in blocks that a second-level cache holds beside a panel.
template <class P>
STORM_INLINE void multiply(const PackedKernel::Job& job, int64_t first, int64_t last) {
  constexpr int64_t kBlockBytes = int64_t{256} << 10;
  const int64_t bytes = job.groups * P::kGroup * static_cast<int64_t>(sizeof(typename P::X));
  const int64_t tiles = kBlockBytes / (bytes * P::kRows) + 1, block = tiles * P::kRows;
  for (int64_t begin = 0; begin < job.m; begin += block) {
    const int64_t end = begin + block < job.m ? begin + block : job.m;
    for (int64_t panel = first; panel < last; ++panel)
      for (int64_t row = begin; row < end; row += P::kRows) rows_tile<P, P::kRows>(job, row, end - row, panel);
  }
}

}  // namespace storm::packed
