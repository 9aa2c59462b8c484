// Scaled dot-product attention over ragged batches: softmax(q k^T / sqrt(d_k)) v for each sentence and head (Vaswani et
// al. 2017, §3.2). No score matrix of the batch is stored: forward keeps the log of each row's sum (FlashAttention, Dao
// et al. 2022), backward makes the probabilities again.
#pragma once

#include "tensor/graph.h"

namespace storm {

struct AttentionInput {
  // q: [q tokens, *], its heads' d_k columns begin at q_column; kv: [kv tokens, *], keys begin at k_column, values at
  // v_column. q and kv may be the same value (self-attention on one fused product).
  Value q, kv;
  int32_t q_column = 0, k_column = 0, v_column = 0;
  // I32 [sentences + 1, 1] each: the rows of sentence s are offsets[s] to offsets[s + 1]. A sentence may have no rows;
  // queries of a sentence without keys get zeros.
  Value q_offsets, kv_offsets;
  int32_t heads = 1, d_k = 0, d_v = 0;
  bool causal = false;  // row i of a sentence sees its keys 0..i only
  float dropout = 0;    // of the probabilities
};

// -> [q tokens, heads * d_v]
Value attention(Graph& graph, const AttentionInput& input);

// What its node carries, for the kernels. In graphs with gradients a second output, [q tokens, heads], takes the log of
// each row's sum of exponentials. The dropout mask's row is query * heads + head, its column the key in its sentence.
struct AttentionAttributes {
  int32_t q_column, k_column, v_column, heads, d_k, d_v;
  float dropout;
  bool causal;
};

}  // namespace storm
