// Incremental decoding of the Transformer. Keys and values of the source are made once; those of the target grow by
// one row a step and stay where they are when beams are reordered (ops/cached_attention.h).
#pragma once

#include <vector>

#include "models/transformer/model.h"
#include "nn/beam_rows.h"

namespace storm {

class TransformerDecoder : public Decoder {
 public:
  TransformerDecoder(const TransformerModel& model, Workspace& workspace, const PackedSentences& source);
  Value step(Graph& graph, std::span<const int32_t> parents, std::span<const int32_t> tokens) override;

 private:
  void follow(std::span<const int32_t> parents);  // moves sentences and paths on to this step's rows
  Value embedded(Graph& graph, std::span<const int32_t> tokens) const;

  const TransformerModel& model_;
  std::vector<int32_t> source_offsets_;  // [sentences + 1]
  Slabs& slabs_;                         // the caches lie here
  float* source_kv_;                     // per layer [source tokens, heads * (d_k + d_v)]
  int64_t source_tokens_;

  BeamRows beams_;
  std::vector<std::vector<float*>> steps_;  // per layer, per step: [rows, heads * (d_k + d_v)]
  std::vector<int32_t> path_, next_path_;   // [rows, path_stride_]
  int64_t path_stride_ = 16;
};

}  // namespace storm
