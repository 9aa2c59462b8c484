// Incremental decoding of the Transformer. Keys and values of the source are made once; those of the target grow by
// one row a step.
#pragma once

#include <vector>

#include "models/transformer/model.h"
#include "nn/attention_caches.h"

namespace storm {

class TransformerDecoder : public Decoder {
 public:
  TransformerDecoder(const TransformerModel& model, Workspace& workspace, const PackedSentences& source);
  Value step(Graph& graph, std::span<const int32_t> parents, std::span<const int32_t> tokens) override;

 private:
  Value embedded(Graph& graph, std::span<const int32_t> tokens) const;  // [rows, d_model]

  const TransformerModel& model_;
  std::vector<int32_t> source_offsets_;  // [sentences + 1]
  AttentionCaches caches_;
  float* source_kv_;  // per layer [source tokens, heads * (d_k + d_v)]
  int64_t source_tokens_;
};

}  // namespace storm
