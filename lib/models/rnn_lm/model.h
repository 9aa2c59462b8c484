// The recurrent language model as a Model. Inside lib/models only; others see models/model.h and
// models/language_model.h.
#pragma once

#include <functional>
#include <vector>

#include "models/language_model.h"
#include "models/rnn_lm/layers.h"
#include "ops/alignment.h"

namespace storm {

// What is kept from token to token: [rows, d_model] each; none: zeros.
struct RnnLmState {
  std::vector<Value> h, c;  // of each layer; c: lstm
};

// The parts of the last layer's states: [tokens, part] each; all may be one value.
struct RnnLmParts {
  Value key, value, prediction;
};

class RnnLmModel : public Model, public LanguageModel {
 public:
  RnnLmModel(const nlohmann::json& json, const RnnLmConfig& config, RnnLmLayers layers);

  Value encode(Graph& graph, const PackedSentences& text, Trace* trace) const override;
  // A state is carried as h of each layer, then c of each (lstm). With carried, no text may be without tokens. What
  // attention reaches begins anew with each stretch.
  Value states(Graph& graph, const PackedSentences& text, Trace* trace, CarriedState* carried) const override;
  int64_t carried_width() const override;
  OutputLayer output(Graph& graph) const override;
  std::unique_ptr<Decoder> start(Workspace& workspace, const PackedSentences& contexts) const override;
  std::span<const float> token_embeddings() const override;

 private:
  friend class RnnLmDecoder;

  RnnLmState zeros() const;
  // offsets: [texts + 1]. `state` goes in as it is before each text's first token, [texts, d_model], and comes out as
  // it is after each token. ids and offsets must outlive the graph's run. attend: what attention gives for each token,
  // [tokens, part]; asked where there is a window. -> what the output layer reads: [tokens, d_model]
  using AttendPast = std::function<Value(const RnnLmParts& parts)>;
  Value pass(Graph& graph, const std::vector<int32_t>& ids, const std::vector<int32_t>& offsets, RnnLmState& state,
             const AttendPast& attend_past, Trace* trace = nullptr) const;
  // What attention takes, but for the ranges and the window; and its queries.
  AlignmentInput attention_of(Graph& graph, Value keys, Value values) const;
  Value keys_of(Graph& graph, Value key) const { return layers_.keys(graph, parameters(), key); }
  Value queries_of(Graph& graph, Value key) const;
  // Attention of whole texts.
  Value attend_text(Graph& graph, const PackedSentences& text, const RnnLmParts& parts, Trace* trace) const;
  // The state after each text's last token: [texts, d_model]. after: as pass leaves it
  RnnLmState last_of(Graph& graph, const std::vector<int32_t>& offsets, const RnnLmState& after) const;

  RnnLmConfig config_;
  RnnLmLayers layers_;
};

}  // namespace storm
