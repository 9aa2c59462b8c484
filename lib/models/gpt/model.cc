#include "models/gpt/model.h"

#include "base/error.h"
#include "models/dropped_heads.h"
#include "models/gpt/decoder.h"
#include "ops/embed.h"

namespace storm {

namespace {

Description described(const GptConfig& c, const GptLayers& layers) {
  return {.vocabularies = {c.vocabulary},
          .tables = {layers.embedding},
          .width = c.block.d_model,
          .state_widths = std::vector<int64_t>(static_cast<std::size_t>(c.layers) + 1, c.block.d_model),
          .attentions = {{AttentionKind::decoder, c.layers, c.block.heads}}};
}

}  // namespace

GptModel::GptModel(const nlohmann::json& json, const GptConfig& c, GptLayers layers)
    : Model(layers.parameters, json, described(c, layers)), config_(c), layers_(std::move(layers)) {}

Value GptModel::embedded(Graph& graph, Value ids, Value positions) const {
  return embed(graph, parameters().in(graph, layers_.embedding), ids, parameters().in(graph, layers_.positions),
               positions, 1, graph.gradients() ? config_.block.dropout : 0);
}

Value GptModel::pass(Graph& graph, Value x, const AttendLayer& attend_self, Trace* trace, Value sentences) const {
  if (trace) trace->note(graph, x);
  ResidualStream stream(graph, parameters(), config_.block, layers_.norms, x, sentences);
  for (std::size_t i = 0; i < layers_.layers.size(); ++i) {
    if (stream.skips(2)) continue;
    layers_.layers[i].self(graph, parameters(), stream, [&](Value qkv) { return attend_self(i, qkv); });
    layers_.layers[i].ffn(graph, parameters(), config_.block, stream);
    if (trace) trace->note(graph, i + 1 < layers_.layers.size() ? stream.sum() : stream.input());
  }
  return stream.input();
}

AttentionInput GptModel::over(const Graph& graph, Value qkv, Value offsets) const {
  AttentionInput self = SelfAttention::over(graph, config_.block, qkv, offsets);
  self.causal = true;
  return self;
}

Value GptModel::states(Graph& graph, const PackedSentences& text, Trace* trace, CarriedState*) const {
  require(text.longest <= config_.max_positions, "a text of ", text.longest, " tokens is longer than the model's ",
          config_.max_positions, " positions");
  const Value offsets = graph.constant({text.sentences() + 1, 1}, text.offsets.data());
  const Value x = embedded(graph, graph.constant({text.tokens(), 1}, text.ids.data()), graph.column(text.positions()));
  return pass(
      graph, x,
      [&](std::size_t i, Value qkv) {
        const auto self = over(graph, qkv, offsets);
        if (trace)
          trace->note(graph, AttentionKind::decoder, i, [&] { return attention_weights(graph, self, trace->scores); });
        return attention(graph, self);
      },
      trace, sentences_in(graph, config_.block, text));
}

Value GptModel::encode(Graph& graph, const PackedSentences& text, Trace* trace) const {
  return states(graph, text, trace, nullptr);
}

OutputLayer GptModel::output(Graph& graph) const { return {parameters().in(graph, layers_.output), {}}; }

std::span<const float> GptModel::token_embeddings() const { return parameters().view(layers_.embedding); }

std::unique_ptr<Decoder> GptModel::start(Workspace& workspace, const PackedSentences& contexts) const {
  return std::make_unique<GptDecoder>(*this, workspace, contexts);
}

}  // namespace storm
