#include "vectors/vector_rows.h"

#include <immintrin.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "cpu/simd.h"

namespace storm {

namespace {

STORM_CLONES double dot(const float* a, const float* b, int64_t n) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

STORM_CLONES double mixed_dot(const double* a, const float* b, int64_t n) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; ++i) sum += a[i] * static_cast<double>(b[i]);
  return sum;
}

STORM_CLONES void scale(const float* x, int64_t n, double factor, float* y) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) y[i] = static_cast<float>(static_cast<double>(x[i]) * factor);
}

// Halves of a mapped file, at any address.
typedef uint16_t Half __attribute__((aligned(1), may_alias));

STORM_CLONES void widen_bf16(const Half* x, int64_t n, float* y) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) y[i] = __builtin_bit_cast(float, static_cast<uint32_t>(x[i]) << 16);
}

STORM_CLONES void widen_f16(const Half* x, int64_t n, float* y) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    _mm256_storeu_ps(y + i, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i_u*>(x + i))));
  for (; i < n; ++i) y[i] = _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(x[i])));
}

}  // namespace

double dot_in_double(const float* a, const float* b, int64_t n) { return dot(a, b, n); }
double dot_in_double(const double* a, const float* b, int64_t n) { return mixed_dot(a, b, n); }
void scale_in_double(const float* x, int64_t n, double factor, float* y) { scale(x, n, factor, y); }

std::vector<VectorBlock> first_rows(std::span<const VectorBlock> blocks, int64_t width, int64_t rows) {
  std::vector<VectorBlock> first;
  for (auto block : blocks) {
    block.rows = std::min(block.rows, rows);
    block.bytes = block.bytes.first(static_cast<std::size_t>(block.rows * width) * byte_size(block.dtype));
    rows -= block.rows;
    first.push_back(std::move(block));
  }
  return first;
}

VectorRows::VectorRows(std::span<const VectorBlock> blocks, int64_t width) : blocks_(blocks), width_(width) {
  for (const auto& b : blocks) {
    require(b.bytes.size() == static_cast<std::size_t>(b.rows * width) * byte_size(b.dtype), b.where,
            ": not vectors of ", width, " numbers");
    begins_.push_back(begins_.back() + b.rows);
  }
}

std::size_t VectorRows::block_of(int64_t row) const {
  return static_cast<std::size_t>(std::upper_bound(begins_.begin(), begins_.end(), row) - begins_.begin()) - 1;
}

void VectorRows::read(int64_t row, float* to) const {
  const auto block = block_of(row);
  const VectorBlock& b = blocks_[block];
  const auto n = static_cast<std::size_t>(width_), size = byte_size(b.dtype);
  const std::byte* from = b.bytes.data() + static_cast<std::size_t>(row - begins_[block]) * n * size;
  if (b.dtype == DType::F32)
    std::memcpy(to, from, n * size);
  else
    (b.dtype == DType::F16 ? widen_f16 : widen_bf16)(reinterpret_cast<const Half*>(from), width_, to);
}

void VectorRows::read_unit(int64_t first, int64_t count, float* to) const {
  for (int64_t row = first; row < first + count; ++row, to += width_) {
    read(row, to);
    const double squares = dot(to, to, width_);
    if (!std::isfinite(squares)) {
      const auto block = block_of(row);
      fail(blocks_[block].where, ": row ", row - begins_[block], " of the vectors holds NaN or an infinity");
    }
    scale(to, width_, squares > 0 ? 1 / std::sqrt(squares) : 0, to);
  }
}

}  // namespace storm
