#include "models/rnn_lm/decoder.h"

#include <numeric>

#include "ops/columns.h"

namespace storm {

// A text without tokens has no last state: contexts without any begin at a row of zeros behind the others' states.
RnnLmDecoder::RnnLmDecoder(const RnnLmModel& model, Workspace& workspace, const PackedSentences& contexts)
    : model_(model), beams_(contexts.sentences()), states_(workspace.slabs, beams_, model.layers_.layers.size() * 2) {
  workspace.slabs.clear();
  Graph& graph = workspace.graph;
  graph.clear();
  offsets_ = {0};  // of the contexts that have tokens
  for (std::size_t s = 1; s < contexts.offsets.size(); ++s)
    if (contexts.offsets[s] > offsets_.back()) offsets_.push_back(contexts.offsets[s]);
  const auto read = static_cast<int32_t>(offsets_.size()) - 1;
  for (std::size_t s = 1, next = 0; s < contexts.offsets.size(); ++s)
    row_of_.push_back(contexts.offsets[s] > contexts.offsets[s - 1] ? static_cast<int32_t>(next++) : read);
  if (read == 0) return;  // all begin at zeros

  RnnLmState after = model.zeros();
  model.pass(graph, contexts.ids, offsets_, after);
  const RnnLmState last = model.last_of(graph, offsets_, after);
  const int64_t d = model.config_.d_model;
  const std::vector<float> zeros(static_cast<std::size_t>(d));
  const std::size_t layers = last.h.size();
  const auto place = [&](Value v, std::size_t i) {
    if (!v) return;
    float* at = states_.room(i, contexts.sentences(), d);
    graph.place(v, at);
    if (read < contexts.sentences())
      graph.place(columns(graph, graph.constant({1, d}, zeros.data()), 0, d), at + read * d);
  };
  for (std::size_t i = 0; i < layers; ++i) {
    place(last.h[i], i);
    place(last.c[i], layers + i);
  }
  workspace.run();
}

Value RnnLmDecoder::step(Graph& graph, std::span<const int32_t> parents, std::span<const int32_t> tokens) {
  beams_.follow(parents);
  ids_.assign(tokens.begin(), tokens.end());
  offsets_.resize(parents.size() + 1);  // a row is a text of one token
  std::iota(offsets_.begin(), offsets_.end(), 0);
  std::vector<int32_t> rows(parents.begin(), parents.end());
  if (beams_.step() == 0)
    for (int32_t& row : rows) row = row_of_[static_cast<std::size_t>(row)];

  const Value from = graph.column(std::move(rows));
  const std::size_t layers = model_.layers_.layers.size();
  RnnLmState state = model_.zeros();
  for (std::size_t i = 0; i < layers; ++i) {
    state.h[i] = states_.before(graph, i, from);
    state.c[i] = states_.before(graph, layers + i, from);
  }
  const Value x = model_.pass(graph, ids_, offsets_, state);
  for (std::size_t i = 0; i < layers; ++i) {
    states_.place(graph, state.h[i], i);
    states_.place(graph, state.c[i], layers + i);
  }
  const auto [weight, bias] = model_.output(graph);
  return linear(graph, x, weight, bias);
}

}  // namespace storm
