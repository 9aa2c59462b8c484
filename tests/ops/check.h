// Checks an op against a plain double-precision reference: forward by value, gradients against central differences of
// the reference.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "tensor/graph.h"

namespace storm::test {

using Doubles = std::vector<double>;

struct OpCase {
  std::vector<Shape> inputs;  // f32 inputs that get gradients, filled with random numbers
  // Records the op; returns the value whose elements are compared.
  std::function<Value(Graph&, std::span<const Value>)> record;
  // The same in double: the output's elements from the inputs' elements.
  std::function<Doubles(std::span<const Doubles>)> reference;
  double tolerance = 2e-6;  // of the largest reference value (of the largest gradient)
  double scale = 1;         // of the random inputs
  uint64_t seed = 1;
};

void check_op(const OpCase& c);

// Records the scalar that is differentiated, the sum of weights[i] * y[i], and returns it: F64 [1, 1], kept.
Value weighted_sum(Graph& graph, Value y, const float* weights);

// Deterministic test numbers, uniform in [-1, 1).
std::vector<float> random_floats(std::size_t n, uint64_t seed);

}  // namespace storm::test
