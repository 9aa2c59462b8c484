// Principal directions of a table, by LAPACK.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace storm {

struct EigenPairs {
  std::vector<double> values;   // [count], largest first
  std::vector<double> vectors;  // [count, n]: of length 1
};

// x: [rows, n] -> the largest eigenvalues of x^T x and their vectors; count <= n.
EigenPairs gram_eigen(std::span<const double> x, int64_t n, int64_t count);

}  // namespace storm
