#include "models/transformer_decoder.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "ops/cached_attention.h"

namespace storm {

TransformerDecoder::TransformerDecoder(const TransformerModel& model, Workspace& workspace,
                                       const PackedSentences& source)
    : model_(model),
      source_offsets_(source.offsets),
      slabs_(workspace.slabs),
      source_tokens_(source.tokens()),
      beams_(source.sentences()) {
  const auto& config = model.config_;
  const auto width = static_cast<std::size_t>(config.heads * (config.d_k + config.d_v));
  const auto per_layer = static_cast<std::size_t>(source_tokens_) * width;
  slabs_.clear();
  source_kv_ = reinterpret_cast<float*>(slabs_.take(per_layer * model.layers_.decoder.size() * sizeof(float)));
  steps_.resize(model.layers_.decoder.size());

  Graph& graph = workspace.graph;
  graph.clear();
  const Value memory = model.encode(graph, source, graph.column(source_offsets_));
  float* place = source_kv_;
  for (const DecoderLayer& layer : model.layers_.decoder) {
    graph.place(layer.kv(graph, model.parameters(), memory), place);
    place += per_layer;
  }
  workspace.run();
}

void TransformerDecoder::follow(std::span<const int32_t> parents) {
  if (step_ >= path_stride_) {  // room for as many steps again
    std::vector<int32_t> wider(path_.size() * 2);
    for (std::size_t r = 0; r < path_.size() / static_cast<std::size_t>(path_stride_); ++r)
      std::copy_n(path_.begin() + static_cast<std::ptrdiff_t>(r) * path_stride_, path_stride_,
                  wider.begin() + static_cast<std::ptrdiff_t>(r) * path_stride_ * 2);
    path_ = std::move(wider);
    path_stride_ *= 2;
  }
  beams_.follow(parents);
  const auto stride = static_cast<std::size_t>(path_stride_);
  next_path_.resize(parents.size() * stride);
  for (std::size_t r = 0; step_ > 0 && r < parents.size(); ++r) {
    auto* to = next_path_.data() + r * stride;
    std::copy_n(path_.data() + static_cast<std::size_t>(parents[r]) * stride, step_ - 1, to);
    to[step_ - 1] = parents[r];
  }
  path_.swap(next_path_);
}

Value TransformerDecoder::step(Graph& graph, std::span<const int32_t> parents, std::span<const int32_t> tokens) {
  const auto& config = model_.config_;
  const auto& layers = model_.layers_;
  const auto& parameters = model_.parameters();
  const auto rows = static_cast<int64_t>(parents.size());
  follow(parents);

  const auto width = static_cast<std::size_t>(config.heads * (config.d_k + config.d_v));
  const auto per_layer = static_cast<std::size_t>(rows) * width;
  float* cache_of_step = reinterpret_cast<float*>(slabs_.take(per_layer * layers.decoder.size() * sizeof(float)));

  Value position_table;
  if (layers.target_positions) {
    require(step_ < config.max_positions, "decoder: the output is longer than the model's ", config.max_positions,
            " learned positions; lower --max-length");
    position_table = parameters.in(graph, layers.target_positions);
  } else {  // this step's row alone, as all of the table's would be copied to a device at each step
    position_table = graph.constant({1, config.d_model}, model_.sinusoids_.rows(step_ + 1) + step_ * config.d_model);
  }
  std::vector<int32_t> positions(tokens.size(), layers.target_positions ? step_ : 0);
  const Value x =
      embed(graph, parameters.in(graph, layers.target_embedding), graph.column({tokens.begin(), tokens.end()}),
            position_table, graph.column(std::move(positions)), std::sqrt(static_cast<float>(config.d_model)));
  const Value row_offsets = graph.column(beams_.offsets()), source_offsets = graph.column(source_offsets_);
  const Value path = step_ > 0 ? graph.constant({rows, path_stride_}, path_.data()) : Value{};

  ResidualStream stream(graph, parameters, config, layers.decoder_norms, x);
  for (std::size_t i = 0; i < layers.decoder.size(); ++i) {
    const DecoderLayer& layer = layers.decoder[i];
    steps_[i].push_back(cache_of_step + i * per_layer);
    const AttentionCache cache{graph.constant({1, step_ + 1}, steps_[i].data()), step_, path};
    const Value qkv = layer.qkv(graph, parameters, stream.input());
    const Value past = cached_attention(graph, qkv, cache, static_cast<int32_t>(config.heads),
                                        static_cast<int32_t>(config.d_k), static_cast<int32_t>(config.d_v));
    stream.add(layer.out(graph, parameters, past));
    const Value q = layer.q(graph, parameters, stream.input());
    const Value kv = graph.constant({source_tokens_, static_cast<int64_t>(width)},
                                    source_kv_ + i * static_cast<std::size_t>(source_tokens_) * width);
    const auto cross = model_.cross_attention_of(graph, q, kv, row_offsets, source_offsets);
    stream.add(layer.cross_out(graph, parameters, attention(graph, cross)));
    stream.add(model_.feed_forward(graph, layer.ffn, stream.input()));
  }
  ++step_;
  return linear(graph, stream.input(), parameters.in(graph, layers.output), {});
}

}  // namespace storm
