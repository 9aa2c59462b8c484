// A weight of products y = x W^T, rounded once and laid out as their kernel reads it (packed_product.h): the rows of W
// that make neighbouring numbers of y stand in panels, a few numbers of each side by side, so that a product reads the
// weight from its beginning to its end and rearranges nothing.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/buffer.h"

namespace storm {

struct PackedKernel;

// What a packed weight's numbers are, and with them what a product rounds x to.
enum class PackedNumbers : uint8_t {
  bf16,  // 8 bits of mantissa; sums are f32's
  int8,  // whole numbers from -127 to 127 times a scale a row, of W as of x; sums are exact
};

// The largest whole number of a row that is rounded to int8, and with it what a scale is: the row's largest absolute
// value divided by this one.
constexpr int kLargestInt8 = 127;

// A row as whole numbers: to[i] = x[i] / scale, rounded to the nearest, ties to even; returns the scale. Where x has
// a NaN or an infinity, so has the scale.
float quantize_row(const float* x, int64_t n, int8_t* to);

class PackedWeight {
 public:
  // Throws Error where this CPU has no kernel of these numbers.
  // w: [rows, cols] without gaps.
  PackedWeight(PackedNumbers numbers, const float* w, int64_t rows, int64_t cols);
  // The weight scales[r] q[r, c].
  PackedWeight(const int8_t* q, std::span<const float> scales, int64_t cols);
  // The same with a kernel of one's own choice: tests.
  PackedWeight(const PackedKernel& kernel, const float* w, int64_t rows, int64_t cols);

  const PackedKernel& kernel() const { return *kernel_; }
  int64_t rows() const { return rows_; }
  int64_t cols() const { return cols_; }
  const std::byte* panel(int64_t i) const { return memory_.data() + static_cast<std::size_t>(i) * panel_bytes_; }
  const float* scales() const { return scales_.empty() ? nullptr : scales_.data(); }  // [rows]; null: all are 1
  std::size_t bytes() const { return memory_.size(); }

 private:
  PackedWeight(const PackedKernel& kernel, int64_t rows, int64_t cols);
  // round(row, to) leaves a row's packed numbers.
  template <class Round>
  void fill(Round&& round);

  const PackedKernel* kernel_;
  int64_t rows_, cols_;
  std::size_t panel_bytes_;
  std::vector<float> scales_;
  Buffer memory_;
};

}  // namespace storm
