#include "models/transformer/decoder.h"

#include <cmath>

#include "base/error.h"
#include "ops/embed.h"

namespace storm {

TransformerDecoder::TransformerDecoder(const TransformerModel& model, Workspace& workspace,
                                       const PackedSentences& source)
    : model_(model),
      source_offsets_(source.offsets),
      caches_(workspace.slabs, model.config_.block, model.layers_.decoder.size(),
              std::vector<int32_t>(source.offsets.size())),
      source_tokens_(source.tokens()) {
  const auto per_layer = static_cast<std::size_t>(source_tokens_ * model.config_.block.kv_width());
  source_kv_ = reinterpret_cast<float*>(workspace.slabs.take(per_layer * model.layers_.decoder.size() * sizeof(float)));

  Graph& graph = workspace.graph;
  graph.clear();
  const Value memory = model.encode(graph, source, graph.column(source_offsets_), nullptr);
  float* place = source_kv_;
  for (const DecoderLayer& layer : model.layers_.decoder) {
    graph.place(layer.cross.kv(graph, model.parameters(), memory), place);
    place += per_layer;
  }
  workspace.run();
}

Value TransformerDecoder::embedded(Graph& graph, std::span<const int32_t> tokens) const {
  const auto& config = model_.config_;
  const auto& layers = model_.layers_;
  const auto& parameters = model_.parameters();
  const auto step = static_cast<int32_t>(caches_.beams().step());
  const int64_t width = config.block.d_model;
  Value table;
  if (layers.target_positions) {
    require(step < config.max_positions, "decoder: the output is longer than the model's ", config.max_positions,
            " learned positions; lower --max-length");
    table = parameters.in(graph, layers.target_positions);
  } else {  // this step's row alone, as all of the table's would be copied to a device at each step
    table = graph.constant({1, width}, model_.sinusoids_.rows(step + 1) + step * width);
  }
  std::vector<int32_t> positions(tokens.size(), layers.target_positions ? step : 0);
  return embed(graph, parameters.in(graph, layers.embedding.target), graph.column({tokens.begin(), tokens.end()}),
               table, graph.column(std::move(positions)), config.embedding_scale);
}

Value TransformerDecoder::step(Graph& graph, std::span<const int32_t> parents, std::span<const int32_t> tokens) {
  const BlockShape& shape = model_.config_.block;
  caches_.follow(parents);
  const Value row_offsets = graph.column(caches_.beams().offsets()), source_offsets = graph.column(source_offsets_);
  const Value states = model_.decode(
      graph, embedded(graph, tokens), [&](std::size_t i, Value qkv) { return caches_.attend(graph, i, qkv); },
      [&](std::size_t i, Value q) {
        const Value kv = graph.constant({source_tokens_, shape.kv_width()},
                                        source_kv_ + static_cast<int64_t>(i) * source_tokens_ * shape.kv_width());
        return attention(graph, CrossAttention::over(graph, shape, q, kv, row_offsets, source_offsets));
      });
  const auto [weight, bias] = model_.output(graph);
  return linear(graph, states, weight, bias);
}

}  // namespace storm
