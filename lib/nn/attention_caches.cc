#include "nn/attention_caches.h"

#include <algorithm>

#include "ops/cached_attention.h"

namespace storm {

AttentionCaches::AttentionCaches(Slabs& slabs, const BlockShape& shape, std::size_t layers,
                                 std::span<const int32_t> offsets)
    : slabs_(slabs), shape_(shape), beams_(static_cast<int64_t>(offsets.size()) - 1), steps_(layers) {
  slabs.clear();
  for (std::size_t s = 1; s < offsets.size(); ++s) lengths_.push_back(offsets[s] - offsets[s - 1]);
  if (lengths_.empty()) return;
  longest_ = std::ranges::max(lengths_);
  even_ = std::ranges::min(lengths_) == longest_;
  while (path_stride_ < longest_) path_stride_ *= 2;
  path_.resize(lengths_.size() * static_cast<std::size_t>(path_stride_));
  if (longest_ == 0) return;
  const auto floats = static_cast<std::size_t>(offsets.back() * shape.kv_width());
  for (auto& steps : steps_)
    steps.assign(static_cast<std::size_t>(longest_), reinterpret_cast<float*>(slabs.take(floats * sizeof(float))));
  for (std::size_t s = 0; s < lengths_.size(); ++s)
    for (int32_t i = 0; i < lengths_[s]; ++i)
      path_[s * static_cast<std::size_t>(path_stride_) + static_cast<std::size_t>(longest_ - lengths_[s] + i)] =
          offsets[s] + i;
}

void AttentionCaches::follow(std::span<const int32_t> parents) {
  beams_.follow(parents);
  if (step() > path_stride_) {  // room for as many steps again
    std::vector<int32_t> wider(path_.size() * 2);
    for (std::size_t r = 0; r < path_.size() / static_cast<std::size_t>(path_stride_); ++r)
      std::copy_n(path_.begin() + static_cast<std::ptrdiff_t>(r) * path_stride_, path_stride_,
                  wider.begin() + static_cast<std::ptrdiff_t>(r) * path_stride_ * 2);
    path_ = std::move(wider);
    path_stride_ *= 2;
  }
  const auto stride = static_cast<std::size_t>(path_stride_);
  const bool begins = beams_.step() == 0;  // then parents are contexts, whose paths are there
  next_path_.resize(parents.size() * stride);
  for (std::size_t r = 0; r < parents.size(); ++r) {
    auto* to = next_path_.data() + r * stride;
    const int64_t known = begins ? longest_ : step() - 1;
    std::copy_n(path_.data() + static_cast<std::size_t>(parents[r]) * stride, known, to);
    if (!begins) to[known] = parents[r];
  }
  path_.swap(next_path_);
  const auto per_layer = static_cast<std::size_t>(beams_.rows() * shape_.kv_width());
  auto* cache = reinterpret_cast<float*>(slabs_.take(per_layer * steps_.size() * sizeof(float)));
  for (auto& steps : steps_) {
    steps.push_back(cache);
    cache += per_layer;
  }
}

std::vector<int32_t> AttentionCaches::firsts() const {
  std::vector<int32_t> firsts;
  for (const int32_t s : beams_.sentence())
    firsts.push_back(static_cast<int32_t>(longest_) - lengths_[static_cast<std::size_t>(s)]);
  return firsts;
}

std::vector<int32_t> AttentionCaches::positions() const {
  std::vector<int32_t> positions;
  for (const int32_t s : beams_.sentence())
    positions.push_back(lengths_[static_cast<std::size_t>(s)] + static_cast<int32_t>(beams_.step()));
  return positions;
}

Value AttentionCaches::attend(Graph& graph, std::size_t layer, Value qkv) {
  const AttentionCache cache{.steps = graph.constant({1, step() + 1}, steps_[layer].data()),
                             .step = static_cast<int32_t>(step()),
                             .path = step() > 0 ? graph.constant({beams_.rows(), path_stride_}, path_.data()) : Value{},
                             .first = even_ ? Value{} : graph.column(firsts())};
  return cached_attention(graph, qkv, cache, static_cast<int32_t>(shape_.heads), static_cast<int32_t>(shape_.d_k),
                          static_cast<int32_t>(shape_.d_v));
}

}  // namespace storm
