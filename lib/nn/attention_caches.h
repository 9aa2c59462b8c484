// What incremental self-attention looks back on: each layer's keys and values of the contexts, which one pass makes,
// and of the steps since, one row a step. They stay where they are when beams are reordered (ops/cached_attention.h).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "nn/beam_rows.h"
#include "nn/transformer_block.h"
#include "tensor/slabs.h"

namespace storm {

class AttentionCaches {
 public:
  // offsets: [contexts + 1], where each context's tokens begin among all; contexts may be empty. The caches lie in the
  // slabs, which are cleared here; they and the shape are borrowed.
  AttentionCaches(Slabs& slabs, const BlockShape& shape, std::size_t layers, std::span<const int32_t> offsets);

  // Where the pass over the contexts must leave a layer's keys and values: [context tokens, heads * (d_k + d_v)].
  float* of_contexts(std::size_t layer) const { return steps_[layer].front(); }

  // Moves on to the next step's rows, and takes room for their keys and values.
  void follow(std::span<const int32_t> parents);
  const BeamRows& beams() const { return beams_; }
  std::vector<int32_t> positions() const;  // [rows]: of this step's tokens, each in its text, contexts included

  // Records one layer's attention of this step. qkv: [rows, heads * (2 d_k + d_v)] -> [rows, heads * d_v]
  Value attend(Graph& graph, std::size_t layer, Value qkv);

 private:
  int64_t step() const { return longest_ + beams_.step(); }  // contexts end together, just before the first step
  std::vector<int32_t> firsts() const;                       // [rows]: where each row's past begins

  Slabs& slabs_;
  const BlockShape& shape_;
  BeamRows beams_;
  std::vector<int32_t> lengths_;  // of the contexts
  int64_t longest_ = 0;
  bool even_ = true;                        // all contexts are of one length
  std::vector<std::vector<float*>> steps_;  // per layer, per step: [rows, heads * (d_k + d_v)]
  std::vector<int32_t> path_, next_path_;   // [rows, path_stride_]
  int64_t path_stride_ = 16;
};

}  // namespace storm
