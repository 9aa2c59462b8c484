// Gated linear units (Dauphin et al. 2017) with the bias before them and the residual after, in one pass over a
// product: y = scale * ((a + bias_a) * sigmoid(b + bias_b) + residual), where z = [a b] (Gehring et al. 2017, §3.2).
#pragma once

#include "tensor/graph.h"

namespace storm {

// z: [rows, 2 n]; bias: [1, 2 n]; residual: [rows, n] or none -> [rows, n]
Value glu(Graph& graph, Value z, Value bias, Value residual = {}, float scale = 1);

// What its node carries, for the kernels. Its scratch in backward: F32 [blocks of so many rows, 2 n]: each block's sums
// of the bias's gradient.
struct GluAttributes {
  float scale;
};
constexpr int64_t kGluBlock = 64;

}  // namespace storm
