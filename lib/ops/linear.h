// y = dropout(act(x W^T + b)): bias, activation and the feed-forward's inner dropout in one pass over the product.
// act: tanh, ReLU (Vaswani et al. 2017, §3.3), GELU, x Phi(x) (Hendrycks and Gimpel 2016), in its exact form or with
// their approximation of Phi by tanh, which GPT-2 took: x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2, or Swish, also
// called SiLU, x sigmoid(x) (Elfwing et al. 2018; Ramachandran et al. 2017).
//
// With a low-rank update (LoRA, Hu et al. 2021) the sum is z = x W^T + b + s (u A^T) B^T, for each of some parts of z's
// columns with an A and a B of its own; u is x, or x dropped out. What W's gradient would take is left out where W is
// frozen.
#pragma once

#include <span>

#include "tensor/graph.h"

namespace storm {

enum class Activation : uint8_t { none, relu, gelu, gelu_tanh, swish, tanh };

// Whether backward reads the sum before the activation, which in graphs with gradients is the node's second output.
constexpr bool keeps_sum(Activation a) {
  return a == Activation::gelu || a == Activation::gelu_tanh || a == Activation::swish;
}

struct LowRank {
  struct Part {  // of the sum's columns, in rising order
    int32_t first = 0, count = 0;
  };
  static constexpr std::size_t kParts = 4;

  Value x;     // [tokens, in]
  Value a, b;  // [parts * rank, in] and [columns of all parts, rank]: each part's rows, in the order of the parts
  float scale = 1;
  std::span<const Part> parts;
};

// tanh goes without dropout.
// x: [tokens, in], weight: [out, in], bias: [1, out] or none -> [tokens, out]
Value linear(Graph& graph, Value x, Value weight, Value bias, Activation activation = Activation::none,
             float dropout = 0, const LowRank* low_rank = nullptr);

// What its node carries, for the kernels. Inputs: x, weight, bias; u, A and B. Outputs: y; the sum before the
// activation where backward reads it; u A^T, [tokens, parts * rank], whose gradient is the scratch of backward.
struct LinearAttributes {
  Activation activation;
  float dropout;
  float scale = 0;
  int32_t rank = 0, parts = 0;  // 0: no low-rank update
  LowRank::Part part[LowRank::kParts] = {};
};

}  // namespace storm
