#include "models/convs2s/decoder.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "ops/convolution.h"
#include "ops/embed.h"
#include "ops/linear.h"

namespace storm {

ConvS2SDecoder::ConvS2SDecoder(const ConvS2SModel& model, Workspace& workspace, const PackedSentences& source)
    : model_(model),
      source_offsets_(source.offsets),
      slabs_(workspace.slabs),
      source_tokens_(source.tokens()),
      beams_(source.sentences()) {
  slabs_.clear();
  Graph& graph = workspace.graph;
  graph.clear();
  const auto make = model.normalised_in(graph);
  const auto prepare = [&](const NormedLayer& layer) {
    if (!layer.gain) return;
    const Value weight = make(layer);
    graph.place(weight, weights_[layer.weight.index] = take(graph.shape(weight).size()));
  };
  const auto& layers = model.layers_;
  for (const NormedLayer& layer : {layers.decoder_in, layers.decoder_out, layers.output}) prepare(layer);
  for (const ConvolutionLayer& layer : layers.decoder)
    for (const NormedLayer& part : {layer.residual, layer.conv, layer.query, layer.found}) prepare(part);
  const Value memory = model.memory(graph, make, source, graph.column(source_offsets_));
  graph.place(memory, memory_ = take(graph.shape(memory).size()));
  workspace.run();
  past_.resize(layers.decoder.size());
}

float* ConvS2SDecoder::take(int64_t floats) {
  return reinterpret_cast<float*>(slabs_.take(static_cast<std::size_t>(floats) * sizeof(float)));
}

void ConvS2SDecoder::follow(std::span<const int32_t> parents) {
  beams_.follow(parents);
  for (std::size_t i = 0; i < past_.size(); ++i) {
    const ConvolutionLayer& layer = model_.layers_.decoder[i];
    auto& [last, now] = past_[i];
    if (layer.kernel == 1) continue;
    std::swap(last, now);
    if (now.room >= beams_.rows()) continue;
    now.room = std::max(beams_.rows(), 2 * now.room);
    now.data = take(now.room * layer.kernel * layer.in);
  }
}

Value ConvS2SDecoder::step(Graph& graph, std::span<const int32_t> parents, std::span<const int32_t> tokens) {
  const auto& layers = model_.layers_;
  const auto& parameters = model_.parameters();
  require(beams_.step() + 1 < model_.config_.max_positions, "decoder: the output is longer than the model's ",
          model_.config_.max_positions, " learned positions; lower --max-length");
  follow(parents);

  const auto weights = [&](const NormedLayer& layer) {
    return graph.constant(graph.shape(parameters.in(graph, layer.weight)), weights_.at(layer.weight.index));
  };
  const Value parent_rows = graph.column({parents.begin(), parents.end()});
  const auto convolve = [&](std::size_t i, Value x) {
    const ConvolutionLayer& layer = layers.decoder[i];
    if (layer.kernel == 1) return linear(graph, x, weights(layer.conv), {});
    const auto& [last, now] = past_[i];
    const Value past =
        beams_.step() > 0 ? graph.constant({beams_.rows_before(), layer.kernel * layer.in}, last.data) : Value{};
    const Value windows = next_windows(graph, x, past, parent_rows, layer.kernel);
    graph.place(windows, now.data);
    return linear(graph, windows, weights(layer.conv), {});
  };
  const Value embeddings =
      embed(graph, parameters.in(graph, layers.embedding.target), graph.column({tokens.begin(), tokens.end()}),
            parameters.in(graph, layers.target_positions),
            graph.column(std::vector<int32_t>(tokens.size(), static_cast<int32_t>(beams_.step()))), 1);
  const ConvS2SModel::Sides sides{graph.constant({source_tokens_, 2 * model_.config_.d_model}, memory_),
                                  graph.column(beams_.offsets()), graph.column(source_offsets_)};
  const Value states = model_.decode(graph, weights, embeddings, convolve, sides);
  const auto [weight, bias] = model_.output(graph, weights);
  return linear(graph, states, weight, bias);
}

}  // namespace storm
