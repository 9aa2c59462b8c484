// The Transformer as a Model. Inside lib/models only; others see models/model.h.
#pragma once

#include <vector>

#include "models/model.h"
#include "models/transformer_layers.h"
#include "nn/positions.h"
#include "ops/embed.h"

namespace storm {

struct TransformerLayers {
  explicit TransformerLayers(const TransformerConfig& config);

  ParameterList parameters;
  ParameterId source_embedding, target_embedding, output;  // [vocabulary, d_model]; the same one where shared
  ParameterId source_positions, target_positions;          // [max_positions, d_model], only when learned
  std::vector<EncoderLayer> encoder;
  std::vector<DecoderLayer> decoder;
  std::vector<NormLayer> encoder_norms, decoder_norms;  // in the order of the sublayers; pre-norm: and the final one
};

class TransformerModel : public Model {
 public:
  explicit TransformerModel(const nlohmann::json& config);

  CrossEntropy loss(Graph& graph, const Batch& batch, float label_smoothing, float gradient_scale) const override;
  std::unique_ptr<Decoder> start(Workspace& workspace, const PackedSentences& source) const override;
  void trace(Graph& graph, const Batch& batch, Trace& trace) const override;
  std::span<const float> source_embeddings() const override;
  int64_t longest_source() const override;
  int64_t longest_target() const override;

 private:
  friend class TransformerDecoder;

  TransformerModel(const nlohmann::json& json, const TransformerConfig& config);
  TransformerModel(const nlohmann::json& json, const TransformerConfig& config, TransformerLayers layers);

  // -> [tokens, d_model]
  Value embedded(Graph& graph, ParameterId table, ParameterId learned, const PackedSentences& sentences) const;
  Value encode(Graph& graph, const PackedSentences& source, Value offsets, Trace* trace = nullptr) const;
  Value decode(Graph& graph, const PackedSentences& target, Value offsets, Value memory, Value memory_offsets,
               Trace* trace = nullptr) const;
  Value feed_forward(Graph& graph, const FeedForward& layer, Value x) const;
  AttentionInput attention_of(const Graph& graph) const;
  AttentionInput self_attention_of(const Graph& graph, Value qkv, Value offsets) const;
  AttentionInput cross_attention_of(const Graph& graph, Value q, Value kv, Value q_offsets, Value kv_offsets) const;

  TransformerConfig config_;
  TransformerLayers layers_;
  SinusoidTable sinusoids_;
};

}  // namespace storm
