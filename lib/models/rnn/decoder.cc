#include "models/rnn/decoder.h"

#include <numeric>

namespace storm {

namespace {

float* take(Slabs& slabs, int64_t floats) {
  return reinterpret_cast<float*>(slabs.take(static_cast<std::size_t>(floats) * sizeof(float)));
}

}  // namespace

RnnDecoder::RnnDecoder(const RnnModel& model, Workspace& workspace, const PackedSentences& source)
    : model_(model),
      slabs_(workspace.slabs),
      source_ranges_(source.ranges()),
      source_tokens_(source.tokens()),
      beams_(source.sentences()),
      states_(slabs_, beams_, model.layers_.decoder.size() * 2 + 1) {
  const auto& config = model.config_;
  const std::size_t layers = model.layers_.decoder.size();
  slabs_.clear();
  Graph& graph = workspace.graph;
  graph.clear();
  const RnnSource encoded = model.encoded(graph, source);
  if (config.attends()) {
    memory_ = keys_ = take(slabs_, source_tokens_ * config.memory_width());
    graph.place(encoded.memory, memory_);
    if (encoded.keys != encoded.memory) {
      keys_ = take(slabs_, source_tokens_ * config.d_model);
      graph.place(encoded.keys, keys_);
    }
  }
  for (std::size_t i = 0; i < layers; ++i) {
    states_.place(graph, encoded.start.h[i], i);
    states_.place(graph, encoded.start.c[i], layers + i);
  }
  workspace.run();
}

Value RnnDecoder::step(Graph& graph, std::span<const int32_t> parents, std::span<const int32_t> tokens) {
  const auto& config = model_.config_;
  const std::size_t layers = model_.layers_.decoder.size();
  const auto rows = static_cast<int64_t>(parents.size());
  beams_.follow(parents);
  std::vector<int32_t> offsets(parents.size() + 1), ranges;  // a row is a sentence of one token
  std::iota(offsets.begin(), offsets.end(), 0);
  for (const int32_t s : beams_.sentence())
    ranges.insert(ranges.end(), source_ranges_.begin() + 2 * s, source_ranges_.begin() + 2 * s + 2);

  const Value from = graph.column({parents.begin(), parents.end()});
  RnnState state;
  for (std::size_t i = 0; i < layers; ++i) {
    state.h.push_back(states_.before(graph, i, from));
    state.c.push_back(states_.before(graph, layers + i, from));
  }
  if (config.input_feeding) state.out = states_.before(graph, 2 * layers, from);
  RnnSource source;
  if (config.attends()) {
    source.memory = source.keys = graph.constant({source_tokens_, config.memory_width()}, memory_);
    if (keys_ != memory_) source.keys = graph.constant({source_tokens_, config.d_model}, keys_);
  }
  const Value states =
      model_.decode(graph, graph.column({tokens.begin(), tokens.end()}), graph.column(std::move(offsets)),
                    graph.constant({rows, 2}, std::move(ranges)), source, state);
  for (std::size_t i = 0; i < layers; ++i) {
    states_.place(graph, state.h[i], i);
    states_.place(graph, state.c[i], layers + i);
  }
  if (config.input_feeding) states_.place(graph, state.out, 2 * layers);
  const auto [weight, bias] = model_.output(graph);
  return linear(graph, states, weight, bias);
}

}  // namespace storm
