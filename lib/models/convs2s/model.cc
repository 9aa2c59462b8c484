#include "models/convs2s/model.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "models/convs2s/decoder.h"
#include "ops/attention.h"
#include "ops/attention_memory.h"
#include "ops/attention_weights.h"
#include "ops/convolution.h"
#include "ops/embed.h"
#include "ops/glu.h"
#include "ops/linear.h"
#include "ops/weighted_sum.h"

namespace storm {

namespace {

const float kHalf = std::sqrt(0.5f);  // of the variance of a sum of two

// A trace's states are all as wide as the embeddings: of other widths, only the first and the last can be shown.
bool even_widths(const ConvS2SConfig& c) {
  return std::all_of(c.encoder.begin(), c.encoder.end(), [&](const auto& size) { return size.width == c.d_model; });
}

Description described(const ConvS2SConfig& c, const ConvS2SLayers& layers) {
  Description d{.vocabularies = {c.tables.source},
                .tables = {layers.embedding.source},
                .width = c.d_model,
                .state_widths = std::vector<int64_t>(even_widths(c) ? c.encoder.size() + 1 : 2, c.d_model)};
  if (c.tables.target == 0) return d;
  d.vocabularies.push_back(c.tables.target);
  d.tables.push_back(layers.embedding.target);
  d.attentions = {{AttentionKind::cross, static_cast<int64_t>(c.decoder.size()), 1}};
  return d;
}

Value offsets_in(Graph& graph, const PackedSentences& s) {
  return graph.constant({s.sentences() + 1, 1}, s.offsets.data());
}

}  // namespace

template <class Ability>
ConvS2SEncoder<Ability>::ConvS2SEncoder(const nlohmann::json& json, const ConvS2SConfig& c, ConvS2SLayers layers)
    : Model(layers.parameters, json, described(c, layers)), config_(c), layers_(std::move(layers)) {}

template <class Ability>
typename ConvS2SEncoder<Ability>::Weights ConvS2SEncoder<Ability>::normalised_in(Graph& graph) const {
  return [this, &graph](const NormedLayer& layer) { return layer.normalised(graph, parameters()); };
}

template <class Ability>
Value ConvS2SEncoder<Ability>::embedded(Graph& graph, ParameterId table, ParameterId positions,
                                        const PackedSentences& s) const {
  require(s.longest <= config_.max_positions, "a sentence of ", s.longest, " tokens is longer than the model's ",
          config_.max_positions, " learned positions");
  const Shape rows{s.tokens(), 1};
  return embed(graph, parameters().in(graph, table), graph.constant(rows, s.ids.data()),
               parameters().in(graph, positions), graph.column(s.positions()), 1, dropout_in(graph));
}

template <class Ability>
Value ConvS2SEncoder<Ability>::dense(Graph& graph, const Weights& weights, const NormedLayer& layer, Value x,
                                     float dropout) const {
  return linear(graph, x, weights(layer), parameters().in(graph, layer.bias), Activation::none, dropout);
}

template <class Ability>
typename ConvS2SEncoder<Ability>::Encoded ConvS2SEncoder<Ability>::encoded(Graph& graph, const Weights& weights,
                                                                           const PackedSentences& source, Value offsets,
                                                                           Trace* trace) const {
  const Value embeddings = embedded(graph, layers_.embedding.source, layers_.source_positions, source);
  if (trace) trace->note(graph, embeddings);
  Value x = dense(graph, weights, layers_.encoder_in, embeddings);
  for (const ConvolutionLayer& layer : layers_.encoder) {
    const Value residual = layer.residual.weight ? dense(graph, weights, layer.residual, x) : x;
    const Value z = convolution(graph, x, weights(layer.conv), offsets, Reach::same, dropout_in(graph));
    x = glu(graph, z, parameters().in(graph, layer.conv.bias), residual, kHalf);
    if (trace && even_widths(config_) && &layer != &layers_.encoder.back()) trace->note(graph, x);
  }
  const Value out = dense(graph, weights, layers_.encoder_out, x);
  if (trace) trace->note(graph, out);
  return {out, embeddings};
}

template <class Ability>
Value ConvS2SEncoder<Ability>::encode(Graph& graph, const PackedSentences& text, Trace* trace) const {
  return encoded(graph, normalised_in(graph), text, offsets_in(graph, text), trace).states;
}

template <class Ability>
std::span<const float> ConvS2SEncoder<Ability>::token_embeddings() const {
  return parameters().view(layers_.embedding.source);
}

template class ConvS2SEncoder<TextEncoder>;
template class ConvS2SEncoder<EncoderDecoder>;

Value ConvS2SModel::memory(Graph& graph, const Weights& weights, const PackedSentences& source, Value offsets,
                           Trace* trace) const {
  const auto [states, embeddings] = encoded(graph, weights, source, offsets, trace);
  const auto attentions = static_cast<float>(layers_.decoder.size());
  return attention_memory(graph, states, embeddings, offsets, kHalf, 1 / (2 * attentions));
}

Value ConvS2SModel::decode(Graph& graph, const Weights& weights, Value embeddings, const Convolve& convolve,
                           const Sides& sides, Trace* trace) const {
  const auto width = static_cast<int32_t>(config_.d_model);
  // The paper's attention does not divide by sqrt(d_k), as ours does.
  const float query_scale = kHalf * std::sqrt(static_cast<float>(width));
  Value x = dense(graph, weights, layers_.decoder_in, embeddings);
  for (std::size_t i = 0; i < layers_.decoder.size(); ++i) {
    const ConvolutionLayer& layer = layers_.decoder[i];
    const Value residual = layer.residual.weight ? dense(graph, weights, layer.residual, x) : x;
    const Value h = glu(graph, convolve(i, x), parameters().in(graph, layer.conv.bias));
    const Value query = dense(graph, weights, layer.query, h);
    AttentionInput a{.q = weighted_sum(graph, {query, query_scale}, {embeddings, query_scale}),
                     .kv = sides.memory,
                     .v_column = width,
                     .q_offsets = sides.target_offsets,
                     .kv_offsets = sides.memory_offsets,
                     .d_k = width,
                     .d_v = width};
    if (trace) trace->note(graph, AttentionKind::cross, i, [&] { return attention_weights(graph, a, trace->scores); });
    const Value found = dense(graph, weights, layer.found, attention(graph, a));
    // The sum of what was found and the state, and the sum of that and the layer's input.
    x = weighted_sum(graph, {found, kHalf * kHalf}, {h, kHalf * kHalf}, {residual, kHalf});
  }
  return dense(graph, weights, layers_.decoder_out, x, dropout_in(graph));
}

Value ConvS2SModel::states(Graph& graph, const PackedSentences& source, const PackedSentences& target,
                           Trace* trace) const {
  const auto weights = normalised_in(graph);
  Sides sides{.memory = {}, .target_offsets = offsets_in(graph, target), .memory_offsets = offsets_in(graph, source)};
  sides.memory = memory(graph, weights, source, sides.memory_offsets, trace);
  const Value embeddings = embedded(graph, layers_.embedding.target, layers_.target_positions, target);
  const auto convolve = [&](std::size_t i, Value x) {
    return convolution(graph, x, weights(layers_.decoder[i].conv), sides.target_offsets, Reach::causal,
                       dropout_in(graph));
  };
  return decode(graph, weights, embeddings, convolve, sides, trace);
}

OutputLayer ConvS2SModel::output(Graph& graph) const { return output(graph, normalised_in(graph)); }

OutputLayer ConvS2SModel::output(Graph& graph, const Weights& weights) const {
  const NormedLayer& layer = layers_.output;
  return {layer.gain ? weights(layer) : parameters().in(graph, layer.weight), parameters().in(graph, layer.bias)};
}

std::unique_ptr<Decoder> ConvS2SModel::start(Workspace& workspace, const PackedSentences& source) const {
  return std::make_unique<ConvS2SDecoder>(*this, workspace, source);
}

}  // namespace storm
