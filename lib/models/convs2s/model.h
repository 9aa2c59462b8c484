// ConvS2S as a Model. Inside lib/models only; others see models/model.h and
// models/encoder_decoder.h.
#pragma once

#include <functional>
#include <vector>

#include "models/convs2s/layers.h"
#include "models/encoder_decoder.h"

namespace storm {

// The encoder, of which Ability says what the model is: a TextEncoder where it is alone, or an EncoderDecoder.
template <class Ability>
class ConvS2SEncoder : public Model, public Ability {
 public:
  ConvS2SEncoder(const nlohmann::json& json, const ConvS2SConfig& config, ConvS2SLayers layers);

  Value encode(Graph& graph, const PackedSentences& text, Trace* trace) const override;
  std::span<const float> token_embeddings() const override;
  int64_t longest_source() const override { return config_.max_positions; }

 protected:
  // Where a layer's normalised weight comes from: made in the graph, or made before.
  using Weights = std::function<Value(const NormedLayer&)>;
  Weights normalised_in(Graph& graph) const;

  Value embedded(Graph& graph, ParameterId table, ParameterId positions, const PackedSentences& sentences) const;
  // x: [tokens, in] -> [tokens, out]
  Value dense(Graph& graph, const Weights& weights, const NormedLayer& layer, Value x, float dropout = 0) const;
  struct Encoded {
    Value states, embeddings;  // [source tokens, d_model] each
  };
  Encoded encoded(Graph& graph, const Weights& weights, const PackedSentences& source, Value offsets,
                  Trace* trace) const;
  float dropout_in(const Graph& graph) const { return graph.gradients() ? config_.dropout : 0; }

  ConvS2SConfig config_;
  ConvS2SLayers layers_;
};

class ConvS2SModel : public ConvS2SEncoder<EncoderDecoder> {
 public:
  using ConvS2SEncoder::ConvS2SEncoder;

  Value states(Graph& graph, const PackedSentences& source, const PackedSentences& target, Trace* trace) const override;
  OutputLayer output(Graph& graph) const override;
  std::unique_ptr<Decoder> start(Workspace& workspace, const PackedSentences& source) const override;
  int64_t longest_target() const override { return config_.max_positions; }

 private:
  friend class ConvS2SDecoder;

  // The convolution of decoder layer i: x: [rows, in] -> [rows, 2 width].
  using Convolve = std::function<Value(std::size_t i, Value x)>;

  struct Sides {
    Value memory;                          // keys and values: [source tokens, 2 d_model]
    Value target_offsets, memory_offsets;  // I32 [sentences + 1, 1]
  };

  Value memory(Graph& graph, const Weights& weights, const PackedSentences& source, Value offsets,
               Trace* trace = nullptr) const;  // -> Sides::memory
  // embeddings: of the target: [rows, d_model] -> what the output layer takes: [rows, d_model]
  Value decode(Graph& graph, const Weights& weights, Value embeddings, const Convolve& convolve, const Sides& sides,
               Trace* trace = nullptr) const;
  OutputLayer output(Graph& graph, const Weights& weights) const;
};

}  // namespace storm
