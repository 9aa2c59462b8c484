// What attention.h never stores: every weight of every head, to be looked at. No gradients.
#pragma once

#include "ops/attention.h"

namespace storm {

enum class AttentionScores : uint8_t {
  probabilities,  // the softmax: each row sums to 1, keys that a causal row does not see have exactly 0
  logits,         // q k^T / sqrt(d_k), what the softmax is taken of; -infinity where a causal row does not see
};

// -> F32 [sum over sentences of heads * queries * keys, 1]: for each sentence [heads, queries, keys], one after
// another.
Value attention_weights(Graph& graph, const AttentionInput& input, AttentionScores scores);

struct AttentionWeightsAttributes {  // what its node carries, for the kernels
  int32_t q_column, k_column, heads, d_k;
  bool causal;
  AttentionScores scores;
};

}  // namespace storm
