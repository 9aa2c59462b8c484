// y = dropout(act(x W^T + b)): bias, activation and the feed-forward's inner dropout in one pass over the product.
// act: tanh, ReLU (Vaswani et al. 2017, §3.3), GELU, x Phi(x) (Hendrycks and Gimpel 2016), in its exact form or with
// their approximation of Phi by tanh, which GPT-2 took: x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2, or Swish, also
// called SiLU, x sigmoid(x) (Elfwing et al. 2018; Ramachandran et al. 2017).
#pragma once

#include "tensor/graph.h"

namespace storm {

enum class Activation : uint8_t { none, relu, gelu, gelu_tanh, swish, tanh };

// Whether backward reads the sum before the activation, which in graphs with gradients is the node's second output.
constexpr bool keeps_sum(Activation a) {
  return a == Activation::gelu || a == Activation::gelu_tanh || a == Activation::swish;
}

// tanh goes without dropout.
// x: [tokens, in], weight: [out, in], bias: [1, out] or none -> [tokens, out]
Value linear(Graph& graph, Value x, Value weight, Value bias, Activation activation = Activation::none,
             float dropout = 0);

struct LinearAttributes {  // what its node carries, for the kernels
  Activation activation;
  float dropout;
};

}  // namespace storm
