// A linear layer: where its weight and bias lie among the model's parameters.
#pragma once

#include <string>

#include "ops/linear.h"
#include "tensor/parameters.h"

namespace storm {

struct LinearLayer {
  ParameterId weight, bias;

  // Xavier's uniform initial weights (Glorot and Bengio 2010): bound sqrt(6 / (in + out)). `parts` is how many layers
  // of one input are stacked in it (3 for queries, keys and values), each of which gets the bound of its own shape.
  static LinearLayer declare(ParameterList& list, const std::string& name, int64_t in, int64_t out, int parts = 1);

  // x: [tokens, in] -> [tokens, out]
  Value operator()(Graph& graph, const Parameters& parameters, Value x, Activation activation = Activation::none,
                   float dropout = 0) const {
    return linear(graph, x, parameters.in(graph, weight), parameters.in(graph, bias), activation, dropout);
  }
};

}  // namespace storm
