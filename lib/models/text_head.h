// What a task puts on top of a model that reads text: a linear layer over the states of its tokens, or over one vector
// of each text that a pooling makes of them. Its parameters lie among the model's, under "head.".
//
// A configuration with a head has "head_outputs", what the layer gives; "pool", how a vector is made of a text, or no
// such entry, where the layer is over tokens; "head_dropout", of what the layer reads; and "head_layer", whose states
// these are: "last", the number of a layer (0: the embeddings), or "mix", a learned mix of all (nn/layer_mix.h).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "data/batch.h"
#include "models/generator.h"
#include "models/trace.h"
#include "nn/attention_pooling.h"
#include "nn/layer_mix.h"
#include "nn/linear_layer.h"

namespace storm {

class Model;
struct Description;

constexpr const char* kHeadOutputsKey = "head_outputs";
constexpr const char* kPoolKey = "pool";

// The names that "pool" may have: the model's own pooler (models/text_pooler.h), the state of the first or of the last
// token, the mean, or a pooling by attention (nn/attention_pooling.h).
const std::vector<std::string>& head_pools();

class TextHead {
 public:
  // The head of this configuration; none where it has no such. description: of the encoder. Throws UsageError for
  // settings that are out of range, and for a mix of layers of different widths.
  static std::optional<TextHead> declare(ParameterList& list, const nlohmann::json& config,
                                         const Description& description);

  int64_t outputs() const { return outputs_; }
  bool pools() const { return pooled_; }                   // else the layer is over tokens
  bool attends() const { return attention_.has_value(); }  // pools by weights that a trace can ask for

  // Records the model's pass, and what the layer reads before dropout: [texts, width], or of a head over tokens
  // [tokens, width]. text must outlive the graph's run, and holds a token of each text at least.
  Value features(Graph& graph, const Model& model, const PackedSentences& text, Trace* trace = nullptr) const;
  // features, dropped out in graphs with gradients.
  Value dropped(Graph& graph, Value features) const;
  OutputLayer output(Graph& graph, const Parameters& parameters) const;

 private:
  enum class Pool : uint8_t { pooler, first, last, mean, attention };

  Value pooled(Graph& graph, const Model& model, Value states, const PackedSentences& text, Trace* trace) const;

  int64_t outputs_ = 0;
  float dropout_ = 0;
  bool pooled_ = false;
  Pool pool_ = Pool::first;
  LinearLayer output_;  // [outputs, width]
  std::optional<AttentionPooling> attention_;
  std::optional<LayerMix> mix_;
  int64_t layer_ = -1;  // -1: the last one, or the mix
};

}  // namespace storm
