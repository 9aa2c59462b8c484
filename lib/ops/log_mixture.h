// The mixture of several distributions, of their logarithms and in logarithms: y = log sum_i w_i e^(x_i), number by
// number. What an ensemble makes of its models' log-probabilities. The op has no gradient.
#pragma once

#include <array>
#include <span>

#include "tensor/graph.h"

namespace storm {

constexpr std::size_t kMostMixed = 15;

// log_probs: [rows, n] each, up to kMostMixed; weights: as many, above 0, with a sum of 1 -> [rows, n], in place of the
// first where the planner can. sign -1: what comes in and what goes out are negative logarithms.
Value log_mixture(Graph& graph, std::span<const Value> log_probs, std::span<const double> weights, float sign = 1);

struct LogMixtureAttributes {  // what its node carries, for the kernels; inputs that there are not have no weight
  float sign;
  std::array<float, kMostMixed> log_weights;
};

}  // namespace storm
