// Sentences for several processes, dealt out in turn by length, so that all have the same to do.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <numeric>
#include <span>
#include <vector>

namespace storm {

// The process of each sentence: the longest is the first one's; of equally long ones, the earlier comes first.
inline std::vector<std::size_t> dealt_by_length(std::span<const std::size_t> lengths, std::size_t processes) {
  std::vector<std::size_t> order(lengths.size()), owner(lengths.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::ranges::greater(), [&](std::size_t i) { return lengths[i]; });
  for (std::size_t i = 0; i < order.size(); ++i) owner[order[i]] = i % processes;
  return owner;
}

}  // namespace storm
