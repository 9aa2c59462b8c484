// The CPU's dropout masks (ops/dropout_stream.h says how they are cut from the counter's bits), a row at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "base/random.h"
#include "cpu/simd.h"
#include "ops/dropout_stream.h"

namespace storm {

// Masks are made for 8 columns at a time: how many a row of n columns needs room for.
constexpr int64_t whole_groups(int64_t n) { return (n + 7) / 8 * 8; }

// Room for a row's factors; none where nothing is dropped.
std::vector<float> factors_for(const DropoutStream& stream, int64_t n);

// Rows first, first + 1, ... of a value [.., n], which lie at x, times their masks. factors: room for a row's.
void mask_rows(float* x, const DropoutStream& stream, int64_t first, int64_t rows, int64_t n, float* factors);

// Fills factors[0..cols) (rounded up to whole groups of 8: room for that is the caller's) with 0 or `scale`, for the
// columns from first_col, a multiple of 8.
STORM_INLINE void dropout_row(const DropoutStream& s, int64_t row, int64_t cols, float* factors,
                              int64_t first_col = 0) {
  constexpr int kLanes = 16;  // groups at a time, always whole: a loop of fixed length vectorises without a tail
  const uint32_t threshold = s.threshold;
  const float scale = s.scale;
  const int64_t groups = (cols + 7) / 8;
  for (int64_t g = 0; g < groups; g += kLanes) {
    const uint32_t first = static_cast<uint32_t>(first_col / 8 + g);
    uint32_t words[4 * kLanes];
#pragma omp simd
    for (uint32_t j = 0; j < kLanes; ++j) {
      // Philox4x32-10, as in base/random.h. The words are the low halves of 64-bit lanes, whose high halves are
      // whatever the products leave there: so nothing has to be unpacked between two rounds.
      uint64_t c0 = first + j, c1 = static_cast<uint32_t>(row);
      uint64_t c2 = s.node | static_cast<uint32_t>(RandomUse::dropout) << 28, c3 = static_cast<uint32_t>(s.batch);
      uint32_t k0 = static_cast<uint32_t>(s.seed), k1 = static_cast<uint32_t>(s.seed >> 32);
#pragma GCC unroll 10
      for (int round = 0; round < 10; ++round) {
        const uint64_t a = uint64_t{0xD2511F53u} * (c0 & 0xffffffffu), b = uint64_t{0xCD9E8D57u} * (c2 & 0xffffffffu);
        c0 = (b >> 32) ^ c1 ^ k0;
        c1 = b;
        c2 = (a >> 32) ^ c3 ^ k1;
        c3 = a;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
      }
      words[4 * j] = static_cast<uint32_t>(c0);
      words[4 * j + 1] = static_cast<uint32_t>(c1);
      words[4 * j + 2] = static_cast<uint32_t>(c2);
      words[4 * j + 3] = static_cast<uint32_t>(c3);
    }
    uint16_t bits[8 * kLanes];
    __builtin_memcpy(bits, words, sizeof bits);
    float* out = factors + g * 8;
    if (groups - g >= kLanes) {
#pragma omp simd
      for (int i = 0; i < 8 * kLanes; ++i) out[i] = bits[i] < threshold ? scale : 0.0f;
    } else {
      for (int64_t j = 0; j < groups - g; ++j)
#pragma omp simd
        for (int i = 0; i < 8; ++i) out[8 * j + i] = bits[8 * j + i] < threshold ? scale : 0.0f;
    }
  }
}

}  // namespace storm
