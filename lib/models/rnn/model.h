// The recurrent models as a Model. Inside lib/models only; others see models/model.h and models/encoder_decoder.h.
#pragma once

#include <vector>

#include "models/encoder_decoder.h"
#include "models/rnn/layers.h"
#include "ops/attentive_recurrent.h"

namespace storm {

// What the decoder keeps from step to step: [rows, d_model] each.
struct RnnState {
  std::vector<Value> h, c;  // of each layer; c: lstm
  Value out{};              // with input feeding; none: before the first step
};

// What the decoder knows of the source.
struct RnnSource {
  Value memory{}, keys{};  // [source tokens, *]; keys: what scores are taken of
  RnnState start;          // [sentences, d_model]
};

// What the encoder makes of a text.
struct RnnStates {
  Value states;             // of the last layer: [tokens, memory width]
  std::vector<Value> h, c;  // of each layer where it ends: [texts, memory width]; c: lstm
};

// The encoder, of which Ability says what the model is: a TextEncoder where it is alone, or an EncoderDecoder.
template <class Ability>
class RnnEncoder : public Model, public Ability {
 public:
  RnnEncoder(const nlohmann::json& json, const RnnConfig& config, RnnLayers layers);

  Value encode(Graph& graph, const PackedSentences& text, Trace* trace) const override;
  std::span<const float> token_embeddings() const override;

 protected:
  Value embedded(Graph& graph, ParameterId table, Value ids) const;
  Value dropped(Graph& graph, Value x) const;
  RnnStates read(Graph& graph, const PackedSentences& text, Trace* trace) const;

  RnnConfig config_;
  RnnLayers layers_;
};

class RnnModel : public RnnEncoder<EncoderDecoder> {
 public:
  using RnnEncoder::RnnEncoder;

  Value states(Graph& graph, const PackedSentences& source, const PackedSentences& target, Trace* trace) const override;
  OutputLayer output(Graph& graph) const override;
  std::unique_ptr<Decoder> start(Workspace& workspace, const PackedSentences& source) const override;

 private:
  friend class RnnDecoder;

  RnnSource encoded(Graph& graph, const PackedSentences& source, Trace* trace = nullptr) const;
  // ids: I32 [tokens, 1], offsets: [sentences + 1, 1]; ranges: the rows of the memory that each sentence reads,
  // I32 [sentences, 2]. `state` goes in as it is before the first token, [sentences, d_model], and comes out as it is
  // after each, [tokens, d_model]. -> what the output layer reads: [tokens, d_model]
  Value decode(Graph& graph, Value ids, Value offsets, Value ranges, const RnnSource& source, RnnState& state,
               Trace* trace = nullptr) const;
  AttentiveInput attention_of(Graph& graph, const RnnSource& source, Value ranges, const Trace* trace) const;
};

}  // namespace storm
