// Draws one column of each row by its probability, as ancestral sampling does. No gradient.
#pragma once

#include "tensor/graph.h"

namespace storm {

struct Draws {
  Value ids;        // I32 [rows, 1]
  Value log_probs;  // F32 [rows, 1]: of these
  Value totals;     // F64 [rows, 1]: the weights' sum, in units of the largest
};

// log_probs: [rows, vocabulary], whose weights are e^(x / temperature); uniforms: F64 [rows, 1], in [0, 1): the first
// id whose share of the weights, with all before it, is more than that is drawn. banned: I32 [rows, 1]: an id that
// cannot be drawn, or -1.
Draws draw(Graph& graph, Value log_probs, Value uniforms, Value banned, double temperature);

struct DrawAttributes {  // what its node carries, for the kernels
  double temperature;
};

}  // namespace storm
