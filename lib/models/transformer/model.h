// The Transformer as a Model. Inside lib/models only; others see models/model.h and models/encoder_decoder.h.
#pragma once

#include "models/encoder_decoder.h"
#include "models/transformer/layers.h"
#include "nn/positions.h"

namespace storm {

// The encoder, of which Ability says what the model is: a TextEncoder where it is alone, or an EncoderDecoder.
template <class Ability>
class TransformerEncoder : public Model, public Ability {
 public:
  TransformerEncoder(const nlohmann::json& json, const TransformerConfig& config, TransformerLayers layers);

  Value encode(Graph& graph, const PackedSentences& text, Trace* trace) const override;
  std::span<const float> token_embeddings() const override;
  int64_t longest_source() const override;

 protected:
  // -> [tokens, d_model]
  Value embedded(Graph& graph, ParameterId table, ParameterId learned, const PackedSentences& sentences) const;
  Value encode(Graph& graph, const PackedSentences& source, Value offsets, Trace* trace) const;

  TransformerConfig config_;
  TransformerLayers layers_;
  SinusoidTable sinusoids_;
};

class TransformerModel : public TransformerEncoder<EncoderDecoder> {
 public:
  using TransformerEncoder::TransformerEncoder;

  Value states(Graph& graph, const PackedSentences& source, const PackedSentences& target, Trace* trace) const override;
  OutputLayer output(Graph& graph) const override;
  std::unique_ptr<Decoder> start(Workspace& workspace, const PackedSentences& source) const override;
  int64_t longest_target() const override;

 private:
  friend class TransformerDecoder;

  // The decoder's layers, of whole sentences or of a step: attend_self and attend_cross are what they differ in.
  using AttendLayer = std::function<Value(std::size_t layer, Value projected)>;
  Value decode(Graph& graph, Value embedded, const AttendLayer& attend_self, const AttendLayer& attend_cross,
               Value sentences = {}) const;
};

}  // namespace storm
