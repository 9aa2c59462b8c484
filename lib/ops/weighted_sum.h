// Two or three values added with a factor each, in one pass: the residual connections of a convolutional model, which
// halve the variance of every sum by sqrt(0.5) (Gehring et al. 2017, §3.5).
#pragma once

#include <array>

#include "tensor/graph.h"

namespace storm {

struct Term {
  Value value;  // [rows, n]
  float factor = 1;
};

// -> [rows, n]: the sum of factor * value; c may be none. Its memory is that of a's value, where that has no later use.
Value weighted_sum(Graph& graph, Term a, Term b, Term c = {});

using WeightedSumAttributes = std::array<float, 3>;  // what its node carries, for the kernels: the factors

}  // namespace storm
