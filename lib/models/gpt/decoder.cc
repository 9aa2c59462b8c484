#include "models/gpt/decoder.h"

#include <algorithm>

#include "base/error.h"
#include "ops/columns.h"

namespace storm {

GptDecoder::GptDecoder(const GptModel& model, Workspace& workspace, const PackedSentences& contexts)
    : model_(model), caches_(workspace.slabs, model.config_.block, model.layers_.layers.size(), contexts.offsets) {
  if (contexts.tokens() == 0) return;
  const BlockShape& shape = model.config_.block;
  Graph& graph = workspace.graph;
  graph.clear();
  const Value offsets = graph.column(contexts.offsets);
  model.pass(
      graph, model.embedded(graph, graph.column(contexts.ids), graph.column(contexts.positions())),
      [&](std::size_t i, Value qkv) {
        graph.place(columns(graph, qkv, shape.heads * shape.d_k, shape.kv_width()), caches_.of_contexts(i));
        return attention(graph, model.over(graph, qkv, offsets));
      },
      nullptr);
  workspace.run();
}

Value GptDecoder::step(Graph& graph, std::span<const int32_t> parents, std::span<const int32_t> tokens) {
  caches_.follow(parents);
  const auto positions = caches_.positions();
  const int64_t longest = model_.config_.max_positions;
  require(positions.empty() || std::ranges::max(positions) < longest, "decoder: the text is longer than the model's ",
          longest, " positions; lower --max-length");
  const Value x = model_.embedded(graph, graph.column({tokens.begin(), tokens.end()}), graph.column(positions));
  const Value states = model_.pass(
      graph, x, [&](std::size_t i, Value qkv) { return caches_.attend(graph, i, qkv); }, nullptr);
  const auto [weight, bias] = model_.output(graph);
  return linear(graph, states, weight, bias);
}

}  // namespace storm
