#include "models/convs2s.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "models/convs2s_decoder.h"
#include "models/convs2s_model.h"
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

Value offsets_in(Graph& graph, const PackedSentences& s) {
  return graph.constant({s.sentences() + 1, 1}, s.offsets.data());
}

}  // namespace

ConvS2SModel::ConvS2SModel(const nlohmann::json& json) : ConvS2SModel(json, ConvS2SConfig::from(json)) {}

ConvS2SModel::ConvS2SModel(const nlohmann::json& json, const ConvS2SConfig& c)
    : ConvS2SModel(json, c, ConvS2SLayers(c)) {}

ConvS2SModel::ConvS2SModel(const nlohmann::json& json, const ConvS2SConfig& c, ConvS2SLayers layers)
    : Model(layers.parameters, json.dump(), c.source_vocabulary, c.target_vocabulary),
      config_(c),
      layers_(std::move(layers)) {}

ConvS2SModel::Weights ConvS2SModel::normalised_in(Graph& graph) const {
  return [this, &graph](const NormedLayer& layer) { return layer.normalised(graph, parameters()); };
}

Value ConvS2SModel::embedded(Graph& graph, ParameterId table, ParameterId positions, const PackedSentences& s) const {
  require(s.longest <= config_.max_positions, "a sentence of ", s.longest, " tokens is longer than the model's ",
          config_.max_positions, " learned positions");
  const Shape rows{s.tokens(), 1};
  return embed(graph, parameters().in(graph, table), graph.constant(rows, s.ids.data()),
               parameters().in(graph, positions), graph.column(s.positions()), 1, dropout_in(graph));
}

Value ConvS2SModel::dense(Graph& graph, const Weights& weights, const NormedLayer& layer, Value x,
                          float dropout) const {
  return linear(graph, x, weights(layer), parameters().in(graph, layer.bias), Activation::none, dropout);
}

Value ConvS2SModel::encode(Graph& graph, const Weights& weights, const PackedSentences& source, Value offsets,
                           Trace* trace) const {
  // A trace's states are all as wide as the embeddings: of other widths, only the first and the last can be shown.
  const bool even = std::all_of(config_.encoder.begin(), config_.encoder.end(),
                                [&](const ConvolutionSize& size) { return size.width == config_.d_model; });
  const auto note = [&](Value states, bool layer = false) {
    if (!trace || !trace->states || (layer && !even)) return;
    graph.keep(states);
    trace->encoder_states.push_back(states);
  };
  const Value embeddings = embedded(graph, layers_.source_embedding, layers_.source_positions, source);
  note(embeddings);
  Value x = dense(graph, weights, layers_.encoder_in, embeddings);
  for (const ConvolutionLayer& layer : layers_.encoder) {
    const Value residual = layer.residual.weight ? dense(graph, weights, layer.residual, x) : x;
    const Value z = convolution(graph, x, weights(layer.conv), offsets, Reach::same, dropout_in(graph));
    x = glu(graph, z, parameters().in(graph, layer.conv.bias), residual, kHalf);
    if (&layer != &layers_.encoder.back()) note(x, true);
  }
  const Value out = dense(graph, weights, layers_.encoder_out, x);
  note(out);
  const auto attentions = static_cast<float>(layers_.decoder.size());
  return attention_memory(graph, out, embeddings, offsets, kHalf, 1 / (2 * attentions));
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
    const auto number = static_cast<int64_t>(i);
    if (trace && trace->wants && trace->wants(AttentionKind::cross, number)) {
      const Value seen = attention_weights(graph, a, trace->scores);
      graph.keep(seen);
      trace->attentions.push_back({AttentionKind::cross, number, seen});
    }
    const Value found = dense(graph, weights, layer.found, attention(graph, a));
    // The sum of what was found and the state, and the sum of that and the layer's input.
    x = weighted_sum(graph, {found, kHalf * kHalf}, {h, kHalf * kHalf}, {residual, kHalf});
  }
  return dense(graph, weights, layers_.decoder_out, x, dropout_in(graph));
}

Value ConvS2SModel::decode(Graph& graph, const PackedSentences& target, const Weights& weights, Sides sides,
                           Trace* trace) const {
  const Value embeddings = embedded(graph, layers_.target_embedding, layers_.target_positions, target);
  const auto convolve = [&](std::size_t i, Value x) {
    return convolution(graph, x, weights(layers_.decoder[i].conv), sides.target_offsets, Reach::causal,
                       dropout_in(graph));
  };
  return decode(graph, weights, embeddings, convolve, sides, trace);
}

Value ConvS2SModel::output_weight(Graph& graph, const Weights& weights) const {
  return layers_.output.gain ? weights(layers_.output) : parameters().in(graph, layers_.output.weight);
}

CrossEntropy ConvS2SModel::loss(Graph& graph, const Batch& batch, float label_smoothing, float gradient_scale) const {
  const auto weights = normalised_in(graph);
  const Value source_offsets = offsets_in(graph, batch.source), target_offsets = offsets_in(graph, batch.target);
  const Value memory = encode(graph, weights, batch.source, source_offsets);
  const Value states = decode(graph, batch.target, weights, {memory, target_offsets, source_offsets});
  const Value labels = graph.constant({batch.target.tokens(), 1}, batch.labels.data());
  return cross_entropy(graph, states, output_weight(graph, weights), parameters().in(graph, layers_.output.bias),
                       labels, label_smoothing, gradient_scale);
}

void ConvS2SModel::trace(Graph& graph, const Batch& batch, Trace& trace) const {
  const auto weights = normalised_in(graph);
  const Value source_offsets = offsets_in(graph, batch.source);
  const Value memory = encode(graph, weights, batch.source, source_offsets, &trace);
  if (batch.target.sentences() > 0)
    decode(graph, batch.target, weights, {memory, offsets_in(graph, batch.target), source_offsets}, &trace);
}

std::span<const float> ConvS2SModel::source_embeddings() const { return parameters().view(layers_.source_embedding); }

std::unique_ptr<Decoder> ConvS2SModel::start(Workspace& workspace, const PackedSentences& source) const {
  return std::make_unique<ConvS2SDecoder>(*this, workspace, source);
}

const Architecture& convs2s_architecture() {
  static const Architecture architecture{
      .name = "convs2s",
      .settings = {{"conv", "LAYERS", "512x3*20",
                    "convolutions, WIDTHxKERNEL*LAYERS,...: 512x3*4,1024x3*2 are 4 layers and 2 wider ones"},
                   {"encoder-conv", "LAYERS", "", "convolutions of the encoder (empty: as --conv)"},
                   {"decoder-conv", "LAYERS", "", "convolutions of the decoder (empty: as --conv)"},
                   {"d-model", "N", "512", "width of embeddings and attention"},
                   {"max-positions", "N", "1024", "longest sentence with learned positions"},
                   {"dropout", "RATE", "0.1",
                    "dropout of embeddings, of the inputs of convolutions and of the output layer"},
                   {"share-embeddings", "all|target|none", "all",
                    "all: source, target and output; target: target and output"}},
      .presets = {{"convs2s-tiny",
                   {{"conv", "128x3*6"}, {"d-model", "128"}, {"max-positions", "512"}, {"dropout", "0.2"}}},
                  {"convs2s", {{"share-embeddings", "none"}}}},
      .preset = "convs2s",
      .make = [](const nlohmann::json& config) -> std::unique_ptr<Model> {
        return std::make_unique<ConvS2SModel>(config);
      }};
  return architecture;
}

}  // namespace storm
