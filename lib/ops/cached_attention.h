// One decoding step of causal self-attention: the keys and values of earlier steps come from a cache outside the arena.
// When beams are reordered the cache stays where it is; `path` says for each row which row its past went through.
#pragma once

#include <cstdint>

#include "tensor/graph.h"

namespace storm {

struct AttentionCache {
  // steps[s]: [rows of step s, heads * (d_k + d_v)]: keys, then values. steps[step] is written by the op.
  float* const* steps = nullptr;
  int32_t step = 0;               // 0-based number of this step
  const int32_t* path = nullptr;  // [rows, path_stride]: path[r * path_stride + s] is row r's row at step s < step
  int64_t path_stride = 0;
};

// qkv: [rows, heads * (2 d_k + d_v)]: queries, keys, values of this step's tokens -> [rows, heads * d_v]. No gradient.
Value cached_attention(Graph& graph, Value qkv, const AttentionCache& cache, int32_t heads, int32_t d_k, int32_t d_v);

}  // namespace storm
