// The states of a model's layers as one: gamma * sum over the layers of softmax(scores)[l] * h_l (Peters et al. 2018,
// equation 1), a mean whose weights a task learns.
#pragma once

#include <span>

#include "tensor/graph.h"

namespace storm {

// layers: [tokens, d] each, one or more; scores: [1, layers]; gamma: [1, 1] -> [tokens, d]
Value layer_mix(Graph& graph, std::span<const Value> layers, Value scores, Value gamma);

// For the kernels. A node takes up to kMixedLayers layers, so many nodes make a mix, each of which adds its own to the
// sum before. Inputs: 0 scores, 1 gamma, 2 the sum so far (may be none), from 3 on the layers. Scratch in backward:
// [blocks of kMixBlock numbers, the node's layers], the products of the layers and the gradient.
struct LayerMixAttributes {
  int32_t first, count;  // which layers
};
constexpr std::size_t kMixInputs = 3, kMixedLayers = 13;
constexpr int64_t kMixBlock = 2048;

}  // namespace storm
