#include "models/convs2s_decoder.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "ops/convolution.h"
#include "ops/embed.h"
#include "ops/linear.h"

namespace storm {

ConvS2SDecoder::ConvS2SDecoder(const ConvS2SModel& model, Workspace& workspace, const PackedSentences& source)
    : model_(model), source_offsets_(source.offsets), slabs_(workspace.slabs), source_tokens_(source.tokens()) {
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
  const Value offsets = graph.constant({source.sentences() + 1, 1}, source_offsets_.data());
  const Value memory = model.encode(graph, make, source, offsets);
  graph.place(memory, memory_ = take(graph.shape(memory).size()));
  workspace.run();
  past_.resize(layers.decoder.size());
}

float* ConvS2SDecoder::take(int64_t floats) {
  return reinterpret_cast<float*>(slabs_.take(static_cast<std::size_t>(floats) * sizeof(float)));
}

void ConvS2SDecoder::follow(std::span<const int32_t> parents) {
  last_rows_ = std::exchange(rows_, static_cast<int64_t>(parents.size()));
  parents_.assign(parents.begin(), parents.end());
  next_sentence_.clear();
  row_offsets_.assign(source_offsets_.size(), 0);
  for (const int32_t parent : parents) {
    const auto last_rows = step_ == 0 ? source_offsets_.size() - 1 : sentence_.size();
    require(static_cast<std::size_t>(parent) < last_rows, "decoder: a row goes on from row ", parent, " of ",
            last_rows);
    const int32_t s = step_ == 0 ? parent : sentence_[static_cast<std::size_t>(parent)];
    require(next_sentence_.empty() || next_sentence_.back() <= s, "decoder: rows are not grouped by sentence");
    next_sentence_.push_back(s);
    ++row_offsets_[static_cast<std::size_t>(s) + 1];
  }
  for (std::size_t s = 1; s < row_offsets_.size(); ++s) row_offsets_[s] += row_offsets_[s - 1];
  sentence_.swap(next_sentence_);

  for (std::size_t i = 0; i < past_.size(); ++i) {
    const ConvolutionLayer& layer = model_.layers_.decoder[i];
    auto& [last, now] = past_[i];
    if (layer.kernel == 1) continue;
    std::swap(last, now);
    if (now.room >= rows_) continue;
    now.room = std::max(rows_, 2 * now.room);
    now.data = take(now.room * layer.kernel * layer.in);
  }
}

Value ConvS2SDecoder::step(Graph& graph, std::span<const int32_t> parents, std::span<const int32_t> tokens) {
  const auto& layers = model_.layers_;
  const auto& parameters = model_.parameters();
  require(step_ < model_.config_.max_positions, "decoder: the output is longer than the model's ",
          model_.config_.max_positions, " learned positions; lower --max-length");
  follow(parents);
  tokens_.assign(tokens.begin(), tokens.end());
  positions_.assign(tokens.size(), step_);

  const auto weights = [&](const NormedLayer& layer) {
    return graph.constant(graph.shape(parameters.in(graph, layer.weight)), weights_.at(layer.weight.index));
  };
  const Shape column{rows_, 1};
  const Value parent_rows = graph.constant(column, parents_.data());
  const auto convolve = [&](std::size_t i, Value x) {
    const ConvolutionLayer& layer = layers.decoder[i];
    if (layer.kernel == 1) return linear(graph, x, weights(layer.conv), {});
    const auto& [last, now] = past_[i];
    const Value past = step_ > 0 ? graph.constant({last_rows_, layer.kernel * layer.in}, last.data) : Value{};
    const Value windows = next_windows(graph, x, past, parent_rows, layer.kernel);
    graph.place(windows, now.data);
    return linear(graph, windows, weights(layer.conv), {});
  };
  const Value embeddings =
      embed(graph, parameters.in(graph, layers.target_embedding), graph.constant(column, tokens_.data()),
            parameters.in(graph, layers.target_positions), graph.constant(column, positions_.data()), 1);
  const auto sentences = static_cast<int64_t>(source_offsets_.size());
  const ConvS2SModel::Sides sides{graph.constant({source_tokens_, 2 * model_.config_.d_model}, memory_),
                                  graph.constant({sentences, 1}, row_offsets_.data()),
                                  graph.constant({sentences, 1}, source_offsets_.data())};
  const Value states = model_.decode(graph, weights, embeddings, convolve, sides);
  ++step_;
  return linear(graph, states, model_.output_weight(graph, weights), parameters.in(graph, layers.output.bias));
}

}  // namespace storm
