// Rows of vectors where they lie, in a mapped file or in memory, read as floats for exact search.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/dtype.h"

namespace storm {

// Some rows of an index: [rows, width] in F32, F16 or BF16, at any alignment.
struct VectorBlock {
  DType dtype = DType::F32;
  int64_t rows = 0;
  std::span<const std::byte> bytes;
  std::string where;  // "index.st: byte 0", for errors
};

// The blocks that hold the first `rows` rows of these.
std::vector<VectorBlock> first_rows(std::span<const VectorBlock> blocks, int64_t width, int64_t rows);

// Rows over all blocks, which must outlive it.
class VectorRows {
 public:
  // Throws Error for a block that does not hold rows of this width.
  VectorRows(std::span<const VectorBlock> blocks, int64_t width);
  int64_t size() const { return begins_.back(); }
  void read(int64_t row, float* to) const;  // to: [width]
  // Rows [first, first + count) divided by their lengths, which are taken in double; rows of zeros stay zeros.
  // to: [count, width]. Throws Error that names the block and its row for NaN and infinities.
  void read_unit(int64_t first, int64_t count, float* to) const;

 private:
  std::size_t block_of(int64_t row) const;

  std::span<const VectorBlock> blocks_;
  int64_t width_;
  std::vector<int64_t> begins_{0};
};

// Sums of products in double.
double dot_in_double(const float* a, const float* b, int64_t n);
double dot_in_double(const double* a, const float* b, int64_t n);

// y = x * factor, each product in double.
void scale_in_double(const float* x, int64_t n, double factor, float* y);

}  // namespace storm
