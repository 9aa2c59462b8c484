// BERT as a Model. Inside lib/models only; others see models/model.h and models/text_encoder.h.
#pragma once

#include "models/bert/layers.h"
#include "models/text_encoder.h"

namespace storm {

class BertModel : public Model, public TextEncoder {
 public:
  BertModel(const nlohmann::json& json, const BertConfig& config, BertLayers layers);

  Value encode(Graph& graph, const PackedSentences& text, Trace* trace) const override;
  std::span<const float> token_embeddings() const override;
  int64_t longest_source() const override { return config_.max_positions; }
  TextEnds ends() const override { return TextEnds::bos_and_eos; }

 protected:
  BertConfig config_;
  BertLayers layers_;

 private:
  Value embedded(Graph& graph, const PackedSentences& text) const;  // [tokens, d_model]
};

}  // namespace storm
