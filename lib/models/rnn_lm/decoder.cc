#include "models/rnn_lm/decoder.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "ops/columns.h"
#include "ops/embed.h"

namespace storm {

// A text without tokens has no last state: contexts without any begin at a row of zeros behind the others' states.
RnnLmDecoder::RnnLmDecoder(const RnnLmModel& model, Workspace& workspace, const PackedSentences& contexts)
    : model_(model),
      beams_(contexts.sentences()),
      states_(workspace.slabs, beams_, model.layers_.layers.size() * 2 + 2),
      windows_(static_cast<std::size_t>(contexts.sentences())) {
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
  model.pass(graph, contexts.ids, offsets_, after, [&](const RnnLmParts& parts) {
    std::vector<int32_t> rows;  // the last of each context
    for (std::size_t s = 0; s < windows_.size(); ++s) {
      const int64_t end = contexts.offsets[s + 1],
                    begin = std::max(contexts.offsets[s] + int64_t{0}, end - model.config_.window);
      for (int64_t row = begin; row < end; ++row) {
        windows_[s].push_back(static_cast<int32_t>(rows.size()));
        rows.push_back(static_cast<int32_t>(row));
      }
    }
    const Value last = graph.column(std::move(rows));
    states_.place(graph, gather(graph, model.keys_of(graph, parts.key), last), keys_at());
    states_.place(graph, gather(graph, parts.value, last), values_at());
    return parts.value;  // anything of its shape: what follows each token of a context is not asked for
  });
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
  if (model_.config_.window > 0) {
    std::vector<std::vector<int32_t>> windows;
    for (const int32_t parent : parents) windows.push_back(windows_[static_cast<std::size_t>(parent)]);
    windows_ = std::move(windows);
  }
  const Value x =
      model_.pass(graph, ids_, offsets_, state, [&](const RnnLmParts& parts) { return attend_past(graph, parts); });
  for (std::size_t i = 0; i < layers; ++i) {
    states_.place(graph, state.h[i], i);
    states_.place(graph, state.c[i], layers + i);
  }
  const auto [weight, bias] = model_.output(graph);
  return linear(graph, x, weight, bias);
}

Value RnnLmDecoder::attend_past(Graph& graph, const RnnLmParts& parts) {
  std::vector<int32_t> kept, ranges;
  for (const auto& window : windows_) {
    ranges.push_back(static_cast<int32_t>(kept.size()));
    kept.insert(kept.end(), window.begin(), window.end());
    ranges.push_back(static_cast<int32_t>(kept.size()));
  }
  // The windows go on to this step's buffers, the rows' own keys and values behind them.
  const auto before = static_cast<int64_t>(kept.size()), rows = static_cast<int64_t>(windows_.size());
  for (std::size_t r = 0; r < windows_.size(); ++r) {
    auto& window = windows_[r];
    std::iota(window.begin(), window.end(), ranges[2 * r]);
    window.push_back(static_cast<int32_t>(before) + static_cast<int32_t>(r));
    if (static_cast<int64_t>(window.size()) > model_.config_.window) window.erase(window.begin());
  }
  const Value past = before > 0 ? graph.column(std::move(kept)) : Value{};
  const auto move_on = [&](std::size_t state, Value own) {
    const int64_t width = graph.shape(own).cols;
    const Value moved = past ? states_.before(graph, state, past) : own;  // nobody reads a row where there is no past
    float* at = states_.room(state, before + rows, width);
    if (past) graph.place(moved, at);
    graph.place(own, at + before * width);
    return moved;
  };
  const Value keys = move_on(keys_at(), model_.keys_of(graph, parts.key));
  // A copy: where states are not split, the value is the state, which has a place already.
  const Value values = move_on(values_at(), columns(graph, parts.value, 0, graph.shape(parts.value).cols));
  AlignmentInput in = model_.attention_of(graph, keys, values);
  in.ranges = graph.constant({rows, 2}, std::move(ranges));
  return attend(graph, model_.queries_of(graph, parts.key), graph.constant({rows + 1, 1}, offsets_.data()), in).context;
}

}  // namespace storm
