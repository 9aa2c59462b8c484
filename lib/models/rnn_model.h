// The recurrent models as a Model. Inside lib/models only; others see models/model.h.
//
// Attention with input feeding, and Bahdanau's, which feeds its context to the cell, tie the steps of one layer
// together: that is the decoder's first layer, and the others stand on what it gives out (as in GNMT, Wu et al. 2016,
// §3). Luong's without input feeding stands on the last layer, as in the paper.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "models/model.h"
#include "nn/recurrent_layer.h"
#include "ops/attentive_recurrent.h"

namespace storm {

struct RnnConfig {
  Cell cell;
  int64_t encoder_layers, decoder_layers, d_model;
  bool bidirectional, reverse_source, input_feeding;
  enum class Attention { none, additive, dot, general, concat } attention;
  float dropout, recurrent_dropout;
  enum class Share { all, target, none } share;  // which embedding tables are one
  int64_t source_vocabulary, target_vocabulary;

  static RnnConfig from(const nlohmann::json& config);  // throws UsageError
  int64_t memory_width() const { return bidirectional ? 2 * d_model : d_model; }
  bool attends() const { return attention != Attention::none; }
  bool feeds_context() const { return attention == Attention::additive; }
  bool tied() const { return feeds_context() || input_feeding; }  // the steps of the decoder's first layer
};

struct RnnLayers {
  explicit RnnLayers(const RnnConfig& config);

  struct Encoder {
    RecurrentLayer forward, backward;  // backward: bidirectional
  };
  struct Bridge {
    LinearLayer h, c;  // c: lstm
  };

  ParameterList parameters;
  ParameterId source_embedding, target_embedding, output;  // [vocabulary, d_model]; the same one where shared
  std::vector<Encoder> encoder;
  std::vector<Bridge> bridges;  // of each decoder layer
  std::vector<RecurrentLayer> decoder;
  ParameterId feed;          // [gates * d_model, memory width or d_model]: where the steps are tied
  LinearLayer keys;          // general: a weight alone
  ParameterId query, score;  // [d_model, d_model], [1, d_model]: additive and concat
  LinearLayer attentional;   // [d_model, memory width + d_model]: Luong's W_c
};

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

class RnnModel : public Model {
 public:
  explicit RnnModel(const nlohmann::json& config);

  CrossEntropy loss(Graph& graph, const Batch& batch, float label_smoothing, float gradient_scale) const override;
  std::unique_ptr<Decoder> start(Workspace& workspace, const PackedSentences& source) const override;
  void trace(Graph& graph, const Batch& batch, Trace& trace) const override;
  std::span<const float> source_embeddings() const override;

 private:
  friend class RnnDecoder;

  RnnModel(const nlohmann::json& json, const RnnConfig& config);
  RnnModel(const nlohmann::json& json, const RnnConfig& config, RnnLayers layers);

  Value embedded(Graph& graph, ParameterId table, Value ids) const;
  Value dropped(Graph& graph, Value x) const;
  RnnSource encode(Graph& graph, const PackedSentences& source, Trace* trace = nullptr) const;
  // ids: I32 [tokens, 1], offsets: [sentences + 1, 1]; ranges: the rows of the memory that each sentence reads,
  // I32 [sentences, 2]. `state` goes in as it is before the first token, [sentences, d_model], and comes out as it is
  // after each, [tokens, d_model]. -> what the output layer reads: [tokens, d_model]
  Value decode(Graph& graph, Value ids, Value offsets, Value ranges, const RnnSource& source, RnnState& state,
               Trace* trace = nullptr) const;
  AttentiveInput attention_of(Graph& graph, const RnnSource& source, Value ranges, const Trace* trace) const;

  RnnConfig config_;
  RnnLayers layers_;
};

}  // namespace storm
