// y = dropout(act(x W^T + b)): bias, activation and the feed-forward's inner dropout in one pass over the product.
// act: ReLU (Vaswani et al. 2017, §3.3) or GELU, x Phi(x) (Hendrycks and Gimpel 2016, the exact form).
#pragma once

#include "tensor/graph.h"

namespace storm {

enum class Activation : uint8_t { none, relu, gelu, tanh };

// tanh goes without dropout.
// x: [tokens, in], weight: [out, in], bias: [1, out] or none -> [tokens, out]
Value linear(Graph& graph, Value x, Value weight, Value bias, Activation activation = Activation::none,
             float dropout = 0);

struct LinearAttributes {  // what its node carries, for the kernels
  Activation activation;
  float dropout;
};

}  // namespace storm
