#include "models/rnn_lm/model.h"

#include <algorithm>

#include "base/error.h"
#include "models/rnn_lm/decoder.h"
#include "ops/columns.h"
#include "ops/embed.h"
#include "ops/join.h"

namespace storm {

namespace {

Description described(const RnnLmConfig& c, const RnnLmLayers& layers) {
  const auto states = static_cast<std::size_t>(c.layers) + (c.window > 0 ? 2 : 1);  // what attention makes, too
  Description d{.vocabularies = {c.vocabulary},
                .tables = {layers.embedding},
                .width = c.d_model,
                .state_widths = std::vector<int64_t>(states, c.d_model)};
  if (c.window > 0) d.attentions = {{AttentionKind::decoder, 1, 1}};
  return d;
}

// [tokens, 1]: which text each token is of.
Value text_of_tokens(Graph& graph, const std::vector<int32_t>& offsets) {
  std::vector<int32_t> texts;
  for (std::size_t s = 1; s < offsets.size(); ++s)
    texts.resize(static_cast<std::size_t>(offsets[s]), static_cast<int32_t>(s) - 1);
  return graph.column(std::move(texts));
}

// Any number of values side by side.
Value joined(Graph& graph, std::vector<Value> parts) {
  while (parts.size() > 1) {
    const auto taken = parts.begin() + static_cast<std::ptrdiff_t>(std::min(parts.size(), kJoinParts));
    const Value first = join(graph, {parts.begin(), taken});
    parts.erase(parts.begin(), taken);
    parts.insert(parts.begin(), first);
  }
  return parts[0];
}

}  // namespace

RnnLmModel::RnnLmModel(const nlohmann::json& json, const RnnLmConfig& c, RnnLmLayers layers)
    : Model(layers.parameters, json, described(c, layers)), config_(c), layers_(std::move(layers)) {}

int64_t RnnLmModel::carried_width() const { return config_.layers * config_.d_model * (config_.lstm() ? 2 : 1); }

RnnLmState RnnLmModel::zeros() const {
  const std::vector<Value> none(layers_.layers.size());
  return {none, none};
}

Value RnnLmModel::pass(Graph& graph, const std::vector<int32_t>& ids, const std::vector<int32_t>& offsets,
                       RnnLmState& state, const AttendPast& attend_past, Trace* trace) const {
  const float dropout = graph.gradients() ? config_.dropout : 0;
  const Value begins = graph.constant({static_cast<int64_t>(offsets.size()), 1}, offsets.data());
  const Value masks = dropout > 0 && config_.locked_dropout ? text_of_tokens(graph, offsets) : Value{};
  const auto dropped = [&](Value x) { return dropout > 0 ? join(graph, {{x}}, dropout, masks) : x; };
  Value x = embed(graph, parameters().in(graph, layers_.embedding),
                  graph.constant({static_cast<int64_t>(ids.size()), 1}, ids.data()), {}, {}, 1, masks ? 0 : dropout);
  if (masks) x = dropped(x);
  if (trace) trace->note(graph, x);
  for (std::size_t i = 0; i < layers_.layers.size(); ++i) {
    CellInput in = layers_.layers[i](graph, parameters(), x, begins, config_.recurrent_dropout);
    in.h = state.h[i];
    in.c = state.c[i];
    const auto states = recurrent(graph, in);
    state.h[i] = states.h;
    state.c[i] = states.c;
    if (trace) trace->note(graph, states.h);
    x = i + 1 < layers_.layers.size() ? dropped(states.h) : states.h;
  }
  if (config_.window > 0) {
    const int64_t width = config_.part_width();
    const auto part = [&](int64_t i) { return config_.split_states ? columns(graph, x, i * width, width) : x; };
    const RnnLmParts parts{part(0), part(1), part(2)};
    const Value context = attend_past(parts);
    x = layers_.attentional(graph, parameters(), join(graph, {{context, parts.prediction}}), Activation::tanh);
    if (trace) trace->note(graph, x);
  }
  return dropped(x);
}

AlignmentInput RnnLmModel::attention_of(Graph& graph, Value keys, Value values) const {
  return {.scoring = Scoring::additive, .v = parameters().in(graph, layers_.score), .keys = keys, .memory = values};
}

Value RnnLmModel::queries_of(Graph& graph, Value key) const {
  return linear(graph, key, parameters().in(graph, layers_.query), {});
}

Value RnnLmModel::attend_text(Graph& graph, const PackedSentences& text, const RnnLmParts& parts, Trace* trace) const {
  AlignmentInput in = attention_of(graph, keys_of(graph, parts.key), parts.value);
  in.ranges = graph.constant({text.sentences(), 2}, text.ranges());
  in.window = config_.window;
  const Value queries = queries_of(graph, parts.key);
  const Value offsets = graph.constant({text.sentences() + 1, 1}, text.offsets.data());
  const Value context = attend(graph, queries, offsets, in).context;
  if (trace)
    trace->note(graph, AttentionKind::decoder, 0, [&] {
      in.whole_weights = true;
      in.logits = trace->scores == AttentionScores::logits;
      return attend(graph, queries, offsets, in).weights;
    });
  return context;
}

RnnLmState RnnLmModel::last_of(Graph& graph, const std::vector<int32_t>& offsets, const RnnLmState& after) const {
  std::vector<int32_t> rows;
  for (std::size_t s = 1; s < offsets.size(); ++s) {
    require(offsets[s] > offsets[s - 1], "a text without tokens leaves no state");
    rows.push_back(offsets[s] - 1);
  }
  const Value last = graph.column(std::move(rows));
  RnnLmState state = zeros();
  for (std::size_t i = 0; i < layers_.layers.size(); ++i) {
    state.h[i] = gather(graph, after.h[i], last);
    if (config_.lstm()) state.c[i] = gather(graph, after.c[i], last);
  }
  return state;
}

Value RnnLmModel::states(Graph& graph, const PackedSentences& text, Trace* trace, CarriedState* carried) const {
  RnnLmState state = zeros();
  if (carried && carried->before) {
    const auto part = [&](std::size_t i) {
      return columns(graph, carried->before, static_cast<int64_t>(i) * config_.d_model, config_.d_model);
    };
    for (std::size_t i = 0; i < layers_.layers.size(); ++i) {
      state.h[i] = part(i);
      if (config_.lstm()) state.c[i] = part(layers_.layers.size() + i);
    }
  }
  const Value out = pass(
      graph, text.ids, text.offsets, state,
      [&](const RnnLmParts& parts) { return attend_text(graph, text, parts, trace); }, trace);
  if (carried) {
    RnnLmState last = last_of(graph, text.offsets, state);
    if (config_.lstm()) last.h.insert(last.h.end(), last.c.begin(), last.c.end());
    carried->after = joined(graph, std::move(last.h));
  }
  return out;
}

Value RnnLmModel::encode(Graph& graph, const PackedSentences& text, Trace* trace) const {
  return states(graph, text, trace, nullptr);
}

OutputLayer RnnLmModel::output(Graph& graph) const {
  return {parameters().in(graph, layers_.embedding), parameters().in(graph, layers_.output_bias)};
}

std::span<const float> RnnLmModel::token_embeddings() const { return parameters().view(layers_.embedding); }

std::unique_ptr<Decoder> RnnLmModel::start(Workspace& workspace, const PackedSentences& contexts) const {
  return std::make_unique<RnnLmDecoder>(*this, workspace, contexts);
}

}  // namespace storm
