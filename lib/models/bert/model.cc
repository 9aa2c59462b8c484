#include "models/bert/model.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "models/dropped_heads.h"
#include "ops/embed.h"
#include "ops/join.h"

namespace storm {

namespace {

Description described(const BertConfig& c, const BertLayers& layers) {
  return {.vocabularies = {c.vocabulary},
          .tables = {layers.embedding},
          .width = c.block.d_model,
          .state_widths = std::vector<int64_t>(static_cast<std::size_t>(c.layers) + 1, c.block.d_model),
          .attentions = {{AttentionKind::encoder, c.layers, c.block.heads}}};
}

}  // namespace

BertModel::BertModel(const nlohmann::json& json, const BertConfig& c, BertLayers layers)
    : Model(layers.parameters, json, described(c, layers)), config_(c), layers_(std::move(layers)) {}

// A token adds three rows. Those of its position and its segment are added once for all tokens that have both, so that
// one pass over the tokens is left.
Value BertModel::embedded(Graph& graph, const PackedSentences& text) const {
  require(text.longest <= config_.max_positions, "a text of ", text.longest, " tokens is longer than the model's ",
          config_.max_positions, " positions");
  const int32_t positions = std::max(text.longest, 1);
  std::vector<int32_t> places = text.positions();  // each token's row among the sums
  int32_t segments = 1;
  for (std::size_t t = 0; t < text.segments.size(); ++t) {
    const int32_t segment = text.segments[t];
    require(segment >= 0 && segment < config_.segments, "a token of segment ", segment,
            ": the model has segments 0 to ", config_.segments - 1);
    places[t] += segment * positions;
    segments = std::max(segments, segment + 1);
  }
  std::vector<int32_t> position_of, segment_of;  // each sum's
  for (int32_t s = 0; s < segments; ++s)
    for (int32_t p = 0; p < positions; ++p) {
      position_of.push_back(p);
      segment_of.push_back(s);
    }
  const Parameters& p = parameters();
  const Value sums = embed(graph, p.in(graph, layers_.positions), graph.column(std::move(position_of)),
                           p.in(graph, layers_.segments), graph.column(std::move(segment_of)), 1);
  const Value ids = graph.constant({text.tokens(), 1}, text.ids.data());
  const Value x = embed(graph, p.in(graph, layers_.embedding), ids, sums, graph.column(std::move(places)), 1);
  const Value normed = layers_.embedding_norm(graph, p, x, {}, config_.block.norm_epsilon, 0).normed;
  return graph.gradients() ? join(graph, std::array{normed}, config_.block.dropout) : normed;
}

Value BertModel::encode(Graph& graph, const PackedSentences& text, Trace* trace) const {
  const Value x = embedded(graph, text), offsets = graph.constant({text.sentences() + 1, 1}, text.offsets.data());
  if (trace) trace->note(graph, x);
  ResidualStream stream(graph, parameters(), config_.block, layers_.norms, x, sentences_in(graph, config_.block, text));
  for (std::size_t i = 0; i < layers_.layers.size(); ++i) {
    if (stream.skips(2)) continue;
    layers_.layers[i].self(graph, parameters(), stream, [&](Value qkv) {
      const auto self = SelfAttention::over(graph, config_.block, qkv, offsets);
      if (trace)
        trace->note(graph, AttentionKind::encoder, i, [&] { return attention_weights(graph, self, trace->scores); });
      return attention(graph, self);
    });
    layers_.layers[i].ffn(graph, parameters(), config_.block, stream);
    if (trace) trace->note(graph, stream.input());
  }
  return stream.input();
}

std::span<const float> BertModel::token_embeddings() const { return parameters().view(layers_.embedding); }

}  // namespace storm
