// Exact nearest neighbours by cosine: one blocked matrix product, whose few large results are computed again in double
// and kept in a heap for each query. Rows may lie in a mapped file; they are read once a call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/dtype.h"

namespace storm {

struct Neighbour {
  double score = 0;  // the cosine, in double from the numbers as they are stored
  int64_t row = 0;   // over all blocks
};

// Some rows of an index: [rows, width] in F32, F16 or BF16, at any alignment.
struct VectorBlock {
  DType dtype = DType::F32;
  int64_t rows = 0;
  std::span<const std::byte> bytes;
  std::string where;  // "index.st: byte 0", for errors
};

// The cosine of two vectors as nearest() computes it: equal vectors have equal cosines to anything. 0 where one is 0.
double cosine(std::span<const float> a, std::span<const float> b);

// queries: [n, width], not normalised -> for each the k rows with the largest cosine, best first, of equal ones the
// lower row first; fewer where there are fewer. Rows of zeros have no direction and are nobody's neighbours; a query of
// zeros has none. Memory: a few MiB a thread and k results a query and thread. Throws Error for NaN and infinities.
std::vector<std::vector<Neighbour>> nearest(std::span<const VectorBlock> index, int64_t width,
                                            std::span<const float> queries, int64_t k);

}  // namespace storm
