// The loss of regression: the square of the distance of each number from its target, summed over the rows. The mean
// squared error is this sum over the number of rows.
#pragma once

#include "tensor/graph.h"

namespace storm {

// x: [rows, 1]; targets: F32 [rows, 1], a constant -> F64 [1, 2]: the sum of (x - target)^2, twice, as cross_entropy
// gives its loss and its likelihood. The gradient of x is that of gradient_scale * (the sum). Kept readable after the
// run.
Value squared_error(Graph& graph, Value x, Value targets, float gradient_scale);

}  // namespace storm
