// ELMo as a Model. Inside lib/models only; others see models/model.h, models/text_encoder.h and
// models/bidirectional_language_model.h.
#pragma once

#include "models/bidirectional_language_model.h"
#include "models/elmo/layers.h"
#include "models/text_encoder.h"

namespace storm {

// The states of a layer are those of both directions side by side, [tokens, 2 d_model]; the embeddings, layer 0, stand
// there twice (Peters et al. 2018, §3.2), so that all layers are of one width and can be mixed.
class ElmoModel : public Model, public TextEncoder, public BidirectionalLanguageModel {
 public:
  ElmoModel(const nlohmann::json& json, const ElmoConfig& config, ElmoLayers layers);

  Value encode(Graph& graph, const PackedSentences& text, Trace* trace) const override;
  std::span<const float> token_embeddings() const override;
  TextEnds ends() const override { return TextEnds::eos_around; }
  BothDirections directions(Graph& graph, const PackedSentences& text, Trace* trace) const override;
  OutputLayer output(Graph& graph) const override;

 private:
  ElmoConfig config_;
  ElmoLayers layers_;
};

}  // namespace storm
