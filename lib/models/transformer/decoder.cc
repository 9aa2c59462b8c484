#include "models/transformer/decoder.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "ops/cached_attention.h"
#include "ops/embed.h"

namespace storm {

TransformerDecoder::TransformerDecoder(const TransformerModel& model, Workspace& workspace,
                                       const PackedSentences& source)
    : model_(model),
      source_offsets_(source.offsets),
      slabs_(workspace.slabs),
      source_tokens_(source.tokens()),
      beams_(source.sentences()) {
  const auto per_layer = static_cast<std::size_t>(source_tokens_ * model.config_.block.kv_width());
  slabs_.clear();
  source_kv_ = reinterpret_cast<float*>(slabs_.take(per_layer * model.layers_.decoder.size() * sizeof(float)));
  steps_.resize(model.layers_.decoder.size());

  Graph& graph = workspace.graph;
  graph.clear();
  const Value memory = model.encode(graph, source, graph.column(source_offsets_));
  float* place = source_kv_;
  for (const DecoderLayer& layer : model.layers_.decoder) {
    graph.place(layer.cross.kv(graph, model.parameters(), memory), place);
    place += per_layer;
  }
  workspace.run();
}

void TransformerDecoder::follow(std::span<const int32_t> parents) {
  beams_.follow(parents);
  const int64_t step = beams_.step();
  if (step > path_stride_) {  // room for as many steps again
    std::vector<int32_t> wider(path_.size() * 2);
    for (std::size_t r = 0; r < path_.size() / static_cast<std::size_t>(path_stride_); ++r)
      std::copy_n(path_.begin() + static_cast<std::ptrdiff_t>(r) * path_stride_, path_stride_,
                  wider.begin() + static_cast<std::ptrdiff_t>(r) * path_stride_ * 2);
    path_ = std::move(wider);
    path_stride_ *= 2;
  }
  const auto stride = static_cast<std::size_t>(path_stride_);
  next_path_.resize(parents.size() * stride);
  for (std::size_t r = 0; step > 0 && r < parents.size(); ++r) {
    auto* to = next_path_.data() + r * stride;
    std::copy_n(path_.data() + static_cast<std::size_t>(parents[r]) * stride, step - 1, to);
    to[step - 1] = parents[r];
  }
  path_.swap(next_path_);
}

Value TransformerDecoder::embedded(Graph& graph, std::span<const int32_t> tokens) const {
  const auto& config = model_.config_;
  const auto& layers = model_.layers_;
  const auto& parameters = model_.parameters();
  const auto step = static_cast<int32_t>(beams_.step());
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
               table, graph.column(std::move(positions)), std::sqrt(static_cast<float>(width)));
}

Value TransformerDecoder::step(Graph& graph, std::span<const int32_t> parents, std::span<const int32_t> tokens) {
  const BlockShape& shape = model_.config_.block;
  follow(parents);
  const auto rows = static_cast<int64_t>(parents.size());
  const auto per_layer = static_cast<std::size_t>(rows * shape.kv_width());
  float* cache_of_step = reinterpret_cast<float*>(slabs_.take(per_layer * steps_.size() * sizeof(float)));
  const auto step = static_cast<int32_t>(beams_.step());
  const Value row_offsets = graph.column(beams_.offsets()), source_offsets = graph.column(source_offsets_);
  const Value path = step > 0 ? graph.constant({rows, path_stride_}, path_.data()) : Value{};

  const Value states = model_.decode(
      graph, embedded(graph, tokens),
      [&](std::size_t i, Value qkv) {
        steps_[i].push_back(cache_of_step + i * per_layer);
        const AttentionCache cache{graph.constant({1, step + 1}, steps_[i].data()), step, path};
        return cached_attention(graph, qkv, cache, static_cast<int32_t>(shape.heads), static_cast<int32_t>(shape.d_k),
                                static_cast<int32_t>(shape.d_v));
      },
      [&](std::size_t i, Value q) {
        const Value kv = graph.constant({source_tokens_, shape.kv_width()},
                                        source_kv_ + static_cast<int64_t>(i) * source_tokens_ * shape.kv_width());
        return attention(graph, CrossAttention::over(graph, shape, q, kv, row_offsets, source_offsets));
      });
  const auto [weight, bias] = model_.output(graph);
  return linear(graph, states, weight, bias);
}

}  // namespace storm
