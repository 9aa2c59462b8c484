// GPT as a Model. Inside lib/models only; others see models/model.h and models/language_model.h.
#pragma once

#include <functional>

#include "models/gpt/layers.h"
#include "models/language_model.h"

namespace storm {

class GptModel : public Model, public LanguageModel {
 public:
  GptModel(const nlohmann::json& json, const GptConfig& config, GptLayers layers);

  Value encode(Graph& graph, const PackedSentences& text, Trace* trace) const override;
  Value states(Graph& graph, const PackedSentences& text, Trace* trace, CarriedState* carried) const override;
  OutputLayer output(Graph& graph) const override;
  std::unique_ptr<Decoder> start(Workspace& workspace, const PackedSentences& contexts) const override;
  std::span<const float> token_embeddings() const override;
  int64_t longest_source() const override { return config_.max_positions; }

 private:
  friend class GptDecoder;

  // ids, positions: I32 [tokens, 1] -> [tokens, d_model]
  Value embedded(Graph& graph, Value ids, Value positions) const;
  // The layers, of whole texts or of a step: what they differ in is how they attend. -> [tokens, d_model]
  using AttendLayer = std::function<Value(std::size_t layer, Value qkv)>;
  Value pass(Graph& graph, Value embedded, const AttendLayer& attend_self, Trace* trace, Value sentences = {}) const;
  // Attention of whole texts. offsets: [texts + 1, 1]
  AttentionInput over(const Graph& graph, Value qkv, Value offsets) const;

  GptConfig config_;
  GptLayers layers_;
};

}  // namespace storm
