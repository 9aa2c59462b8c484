// One decoding step of causal self-attention: the keys and values of earlier steps come from a cache outside the arena.
// When beams are reordered the cache stays where it is; `path` says for each row which row its past went through.
#pragma once

#include <cstdint>

#include "tensor/graph.h"

namespace storm {

struct AttentionCache {
  // Addresses, [1, step + 1] or more. Of step s: [rows of step s, heads * (d_k + d_v)]: keys, then values. The one of
  // `step` is written by the op.
  Value steps{};
  int32_t step = 0;  // 0-based number of this step
  // I32 [rows, at least step], a constant: in column s < step the row that the row went through at step s. None at the
  // first step.
  Value path{};
  // I32 [rows, 1], a constant: the step that each row's past begins at, at most `step`. None: all begin at the first.
  Value first{};
};

// qkv: [rows, heads * (2 d_k + d_v)]: queries, keys, values of this step's tokens -> [rows, heads * d_v]. No gradient.
Value cached_attention(Graph& graph, Value qkv, const AttentionCache& cache, int32_t heads, int32_t d_k, int32_t d_v);

struct CachedAttentionAttributes {  // what its node carries, for the kernels; inputs: qkv, steps, path, first
  int32_t step, heads, d_k, d_v;
};

}  // namespace storm
