// Token embeddings with positions: y = dropout(scale * table[id] + positions[position]).
// scale is sqrt(d_model) and the sum is dropped out: Vaswani et al. 2017, §3.4, §3.5, §5.4.
#pragma once

#include "tensor/graph.h"

namespace storm {

// table: [vocabulary, d]; ids: I32 [tokens, 1], each within the vocabulary; position_table: [positions, d], a constant
// (sinusoids) or a parameter (learned), or none; positions: I32 [tokens, 1], each within it -> [tokens, d]
Value embed(Graph& graph, Value table, Value ids, Value position_table, Value positions, float scale,
            float dropout = 0);

// Rows of x, by their numbers: [*, d], I32 [n, 1] -> [n, d]. The op is embed's, with x for its table.
Value gather(Graph& graph, Value x, Value rows);

struct EmbedAttributes {  // what its node carries, for the kernels
  float scale, dropout;
};

}  // namespace storm
