// Principal directions of a table, and the rotation of one into another, by LAPACK.
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

// x, y: [rows, n] -> the orthogonal W [n, n] for which x W is nearest to y in least squares: U V^T of the singular
// value decomposition of x^T y (Schönemann, "A generalized solution of the orthogonal Procrustes problem",
// Psychometrika 1966). Where rows do not span all directions, it is one of several.
std::vector<double> orthogonal_map(std::span<const double> x, std::span<const double> y, int64_t n);

}  // namespace storm
