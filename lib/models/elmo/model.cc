#include "models/elmo/model.h"

#include "ops/embed.h"
#include "ops/join.h"
#include "ops/weighted_sum.h"

namespace storm {

namespace {

Description described(const ElmoConfig& c, const ElmoLayers& layers) {
  return {.vocabularies = {c.vocabulary},
          .tables = {layers.embedding},
          .width = c.d_model,
          .state_widths = std::vector<int64_t>(static_cast<std::size_t>(c.layers) + 1, 2 * c.d_model)};
}

}  // namespace

ElmoModel::ElmoModel(const nlohmann::json& json, const ElmoConfig& c, ElmoLayers layers)
    : Model(layers.parameters, json, described(c, layers)), config_(c), layers_(std::move(layers)) {}

BothDirections ElmoModel::directions(Graph& graph, const PackedSentences& text, Trace* trace) const {
  const float dropout = graph.gradients() ? config_.dropout : 0;
  const auto dropped = [&](Value x) { return dropout > 0 ? join(graph, {{x}}, dropout) : x; };
  const auto note = [&](const BothDirections& x) {
    if (trace && trace->states) trace->note(graph, join(graph, {{x.forward, x.backward}}));
  };
  const Value offsets = graph.constant({text.sentences() + 1, 1}, text.offsets.data());
  const Value x = embed(graph, parameters().in(graph, layers_.embedding),
                        graph.constant({text.tokens(), 1}, text.ids.data()), {}, {}, 1, dropout);
  BothDirections states{x, x};
  note(states);
  for (std::size_t i = 0; i < layers_.forward.size(); ++i) {
    // From the second layer on, what a layer reads is added to what it gives (§3.4).
    const auto step = [&](const RecurrentLayer& layer, Value from, bool reverse) {
      if (i > 0) from = dropped(from);
      CellInput in = layer(graph, parameters(), from, offsets, 0);
      in.reverse = reverse;
      const Value h = recurrent(graph, in).h;
      return i > 0 ? weighted_sum(graph, {h}, {from}) : h;
    };
    states = {step(layers_.forward[i], states.forward, false), step(layers_.backward[i], states.backward, true)};
    note(states);
  }
  return {dropped(states.forward), dropped(states.backward)};
}

Value ElmoModel::encode(Graph& graph, const PackedSentences& text, Trace* trace) const {
  const auto [forward, backward] = directions(graph, text, trace);
  return join(graph, {{forward, backward}});
}

OutputLayer ElmoModel::output(Graph& graph) const {
  return {parameters().in(graph, layers_.output), parameters().in(graph, layers_.output_bias)};
}

std::span<const float> ElmoModel::token_embeddings() const { return parameters().view(layers_.embedding); }

}  // namespace storm
