// Residual, dropout and layer norm in one pass over the rows: sum = x + dropout(h); normed = gain * (sum - mean) /
// sqrt(var + epsilon) + bias. Layer norm: Ba, Kiros, Hinton 2016; post-norm uses `normed` alone (Vaswani et al. 2017,
// §5.4), pre-norm goes on with both.
#pragma once

#include "tensor/graph.h"

namespace storm {

struct ResidualNorm {
  Value sum;     // [tokens, d]
  Value normed;  // [tokens, d]
};

// x: [tokens, d]; h: [tokens, d] or none (a plain layer norm, whose sum is x itself); gain, bias: [1, d]
ResidualNorm residual_norm(Graph& graph, Value x, Value h, Value gain, Value bias, float epsilon, float dropout = 0);

// What its node carries, for the kernels. Its scratch in backward: F32 [blocks of so many rows, 2, n]: each block's
// sums of the gradients of gain and bias.
struct ResidualNormAttributes {
  float epsilon, dropout;
};
constexpr int64_t kResidualNormBlock = 32;

}  // namespace storm
