// Incremental decoding of GPT: one pass over the contexts leaves their keys and values, then each step adds a row.
#pragma once

#include "models/gpt/model.h"
#include "nn/attention_caches.h"

namespace storm {

class GptDecoder : public Decoder {
 public:
  GptDecoder(const GptModel& model, Workspace& workspace, const PackedSentences& contexts);
  Value step(Graph& graph, std::span<const int32_t> parents, std::span<const int32_t> tokens) override;

 private:
  const GptModel& model_;
  AttentionCaches caches_;
};

}  // namespace storm
