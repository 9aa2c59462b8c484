#include "models/rnn/model.h"

#include <cmath>
#include <utility>

#include "models/rnn/decoder.h"
#include "ops/embed.h"
#include "ops/join.h"

namespace storm {

namespace {

Value column(Graph& graph, const std::vector<int32_t>& ids) {
  return graph.constant({static_cast<int64_t>(ids.size()), 1}, ids.data());
}

Description described(const RnnConfig& c, const RnnLayers& layers) {
  Description d;
  d.vocabularies = {c.tables.source};
  d.tables = {layers.embedding.source};
  if (c.tables.target > 0) {
    d.vocabularies.push_back(c.tables.target);
    d.tables.push_back(layers.embedding.target);
  }
  d.width = c.d_model;
  d.state_widths.assign(static_cast<std::size_t>(c.layers.encoder) + 1, c.memory_width());
  d.state_widths[0] = c.d_model;
  if (c.attends() && c.tables.target > 0) d.attentions = {{AttentionKind::cross, 1, 1}};
  return d;
}

}  // namespace

template <class Ability>
RnnEncoder<Ability>::RnnEncoder(const nlohmann::json& json, const RnnConfig& c, RnnLayers layers)
    : Model(layers.parameters, json, described(c, layers)), config_(c), layers_(std::move(layers)) {}

// Times sqrt(d_model), as the Transformer has it: so one table serves as input and, unscaled, as output.
template <class Ability>
Value RnnEncoder<Ability>::embedded(Graph& graph, ParameterId table, Value ids) const {
  return embed(graph, parameters().in(graph, table), ids, {}, {}, std::sqrt(static_cast<float>(config_.d_model)),
               graph.gradients() ? config_.dropout : 0);
}

template <class Ability>
Value RnnEncoder<Ability>::dropped(Graph& graph, Value x) const {
  if (!graph.gradients() || config_.dropout == 0) return x;
  return join(graph, {{x}}, config_.dropout);
}

template <class Ability>
RnnStates RnnEncoder<Ability>::read(Graph& graph, const PackedSentences& text, Trace* trace) const {
  const Value offsets = column(graph, text.offsets);
  std::vector<int32_t> first_rows(text.offsets.begin(), text.offsets.end() - 1), last_rows;
  for (std::size_t s = 1; s < text.offsets.size(); ++s) last_rows.push_back(text.offsets[s] - 1);
  const Value first = graph.column(std::move(first_rows)), last = graph.column(std::move(last_rows));
  const bool lstm = config_.cell == Cell::lstm;
  std::vector<Value> final_h, final_c;
  Value x = embedded(graph, layers_.embedding.source, column(graph, text.ids));
  if (trace) trace->note(graph, x);
  for (std::size_t i = 0; i < layers_.encoder.size(); ++i) {
    const auto& layer = layers_.encoder[i];
    if (i > 0 && !config_.bidirectional) x = dropped(graph, x);
    // A reversed source is read from its end; states stay where their tokens are.
    CellInput in = layer.forward(graph, parameters(), x, offsets, config_.recurrent_dropout);
    in.reverse = config_.reverse_source;
    const auto states = recurrent(graph, in);
    const Value end = in.reverse ? first : last;
    Value h = gather(graph, states.h, end), c = lstm ? gather(graph, states.c, end) : Value{};
    if (config_.bidirectional) {
      CellInput back = layer.backward(graph, parameters(), x, offsets, config_.recurrent_dropout);
      back.reverse = true;
      const auto other = recurrent(graph, back);
      h = join(graph, {{h, gather(graph, other.h, first)}});
      if (lstm) c = join(graph, {{c, gather(graph, other.c, first)}});
      const bool drop = graph.gradients() && i + 1 < layers_.encoder.size();
      x = join(graph, {{states.h, other.h}}, drop ? config_.dropout : 0);
    } else {
      x = states.h;
    }
    final_h.push_back(h);
    final_c.push_back(c);
    if (trace) trace->note(graph, x);
  }
  return {x, std::move(final_h), std::move(final_c)};
}

template <class Ability>
Value RnnEncoder<Ability>::encode(Graph& graph, const PackedSentences& text, Trace* trace) const {
  return read(graph, text, trace).states;
}

template <class Ability>
std::span<const float> RnnEncoder<Ability>::token_embeddings() const {
  return parameters().view(layers_.embedding.source);
}

template class RnnEncoder<TextEncoder>;
template class RnnEncoder<EncoderDecoder>;

RnnSource RnnModel::encoded(Graph& graph, const PackedSentences& source, Trace* trace) const {
  const bool lstm = config_.cell == Cell::lstm;
  const auto [x, final_h, final_c] = read(graph, source, trace);
  RnnSource out{.memory = x, .keys = x, .start = {}};
  for (std::size_t i = 0; i < layers_.bridges.size(); ++i) {
    const auto from = std::min(i, final_h.size() - 1);
    const auto& bridge = layers_.bridges[i];
    out.start.h.push_back(bridge.h(graph, parameters(), final_h[from], Activation::tanh));
    out.start.c.push_back(lstm ? bridge.c(graph, parameters(), final_c[from], Activation::tanh) : Value{});
  }
  if (layers_.keys.weight) out.keys = layers_.keys(graph, parameters(), x);
  return out;
}

AttentiveInput RnnModel::attention_of(Graph& graph, const RnnSource& source, Value ranges, const Trace* trace) const {
  AttentiveInput in;
  in.query_weight = parameters().in(graph, layers_.query);
  in.attention = {.scoring = config_.kernel() ? Scoring::kernel
                             : layers_.score  ? Scoring::additive
                                              : Scoring::dot,
                  .v = parameters().in(graph, layers_.score),
                  .keys = source.keys,
                  .memory = source.memory,
                  .ranges = ranges,
                  .logits = trace && trace->scores == AttentionScores::logits};
  return in;
}

Value RnnModel::decode(Graph& graph, Value ids, Value offsets, Value ranges, const RnnSource& source, RnnState& state,
                       Trace* trace) const {
  const bool lstm = config_.cell == Cell::lstm;
  const auto note = [&](Value weights) {
    if (trace) trace->note(graph, AttentionKind::cross, 0, [&] { return weights; });
  };
  const auto attentional = [&](Value context, Value h) {
    return layers_.attentional(graph, parameters(), join(graph, {{context, h}}), Activation::tanh);
  };
  Value x = embedded(graph, layers_.embedding.target, ids);
  for (std::size_t i = 0; i < layers_.decoder.size(); ++i) {
    CellInput in = layers_.decoder[i](graph, parameters(), x, offsets, config_.recurrent_dropout);
    in.h = state.h[i];
    if (lstm) in.c = state.c[i];
    if (i > 0 || !config_.tied()) {
      const auto states = recurrent(graph, in);
      x = state.h[i] = states.h;
      state.c[i] = states.c;
    } else {
      AttentiveInput attentive = attention_of(graph, source, ranges, trace);
      attentive.cell = in;
      attentive.feed_weight = parameters().in(graph, layers_.feed);
      if (config_.input_feeding) {
        attentive.out_weight = parameters().in(graph, layers_.attentional.weight);
        attentive.out_bias = parameters().in(graph, layers_.attentional.bias);
        attentive.out = state.out;
      }
      const auto states = attentive_recurrent(graph, attentive);
      note(states.weights);
      state.h[i] = states.h;
      state.c[i] = states.c;
      x = state.out = config_.input_feeding ? states.out : attentional(states.context, states.h);
    }
    if (i + 1 < layers_.decoder.size()) x = dropped(graph, x);
  }
  if (config_.attends() && !config_.tied()) {
    const AttentiveInput attention = attention_of(graph, source, ranges, trace);
    const Value queries = layers_.query ? linear(graph, x, attention.query_weight, {}) : x;
    const auto attended = attend(graph, queries, offsets, attention.attention);
    note(attended.weights);
    x = attentional(attended.context, x);
  }
  return dropped(graph, x);
}

namespace {

Value ranges_in(Graph& graph, const PackedSentences& s) { return graph.constant({s.sentences(), 2}, s.ranges()); }

}  // namespace

Value RnnModel::states(Graph& graph, const PackedSentences& source, const PackedSentences& target, Trace* trace) const {
  const RnnSource from = encoded(graph, source, trace);
  RnnState state = from.start;
  return decode(graph, column(graph, target.ids), column(graph, target.offsets), ranges_in(graph, source), from, state,
                trace);
}

OutputLayer RnnModel::output(Graph& graph) const { return {parameters().in(graph, layers_.output), {}}; }

std::unique_ptr<Decoder> RnnModel::start(Workspace& workspace, const PackedSentences& source) const {
  return std::make_unique<RnnDecoder>(*this, workspace, source);
}

}  // namespace storm
