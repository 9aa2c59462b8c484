#include "nn/attention_pooling.h"

#include <cmath>
#include <numeric>
#include <vector>

#include "ops/alignment.h"
#include "ops/embed.h"

namespace storm {

PooledStates attention_pooling(Graph& graph, Value states, std::span<const int32_t> offsets, PoolingScore score,
                               Value query, Value kernel_width, bool scores) {
  const std::size_t texts = offsets.size() - 1;
  std::vector<int32_t> ranges, one_each(texts + 1);
  for (std::size_t t = 0; t < texts; ++t) ranges.insert(ranges.end(), offsets.begin() + t, offsets.begin() + t + 2);
  std::iota(one_each.begin(), one_each.end(), 0);
  const bool dot = score == PoolingScore::dot;
  const float scale = dot ? 1 / std::sqrt(static_cast<float>(graph.shape(states).cols)) : 1.0f;
  // The query once for each text.
  const Value queries = embed(graph, query, graph.column(std::vector<int32_t>(texts)), {}, {}, scale);
  const AlignmentInput in{.scoring = dot ? Scoring::dot : Scoring::kernel,
                          .v = kernel_width,
                          .keys = states,
                          .memory = states,
                          .ranges = graph.constant({static_cast<int64_t>(texts), 2}, std::move(ranges)),
                          .logits = scores};
  const auto [pooled, weights] = attend(graph, queries, graph.column(std::move(one_each)), in);
  return {pooled, weights};
}

}  // namespace storm
