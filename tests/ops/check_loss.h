// Checks a loss, an op that gives totals, F64 [1, 2], and takes its gradient in forward, against a double-precision
// reference: both totals, and the gradient of what is a parameter, which is added to, and of what was computed.
#pragma once

#include <functional>

#include "tensor/graph.h"
#include "tests/ops/check.h"

namespace storm::test {

struct LossCase {
  Shape input;                                                         // filled with random numbers
  std::function<Value(Graph&, Value x, float gradient_scale)> record;  // returns the totals
  std::function<double(const Doubles&)> reference;                     // the loss of the input's elements
  double scale = 1;                                                    // of the random input
};

void check_loss(const LossCase& c);

// got - 0.5, to which gradients were added, against scale * the central differences of f over the elements of x, to
// this tolerance of the largest.
void check_slopes(const char* what, Doubles& x, const std::vector<float>& got, double scale, double tolerance,
                  const std::function<double()>& f);

// The loss of x, forward alone.
double loss_of(const LossCase& c, const std::vector<float>& x);

}  // namespace storm::test
