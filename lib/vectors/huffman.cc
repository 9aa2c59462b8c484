#include "vectors/huffman.h"

#include <algorithm>

namespace storm {

HuffmanTree::HuffmanTree(std::span<const int64_t> counts) {
  // The two lightest trees become one until one is left. Words wait from the rarest up, and trees in the order of their
  // making, which is that of their weights; so the lightest is the first of either.
  const auto words = counts.size();
  const std::size_t inner = words - 1;
  std::vector<int64_t> weights(inner);
  std::vector<std::size_t> parent(words + inner);  // of words, then of inner nodes in the order of their making
  std::vector<uint8_t> turn(words + inner);
  std::size_t word = words, tree = 0;
  for (std::size_t made = 0; made < inner; ++made)
    for (uint8_t side = 0; side < 2; ++side) {
      const bool takes_word = word > 0 && (tree == made || counts[word - 1] < weights[tree]);
      const auto node = takes_word ? --word : words + tree++;
      weights[made] += takes_word ? counts[node] : weights[node - words];
      parent[node] = words + made;
      turn[node] = side;
    }
  const auto root = words + inner - 1;
  for (std::size_t w = 0; w < words; ++w) {
    const auto begin = nodes_.size();
    for (auto at = w; words > 1 && at != root; at = parent[at]) {
      nodes_.push_back(static_cast<int32_t>(parent[at] - words));
      turns_.push_back(turn[at]);
    }
    std::reverse(nodes_.begin() + static_cast<std::ptrdiff_t>(begin), nodes_.end());
    std::reverse(turns_.begin() + static_cast<std::ptrdiff_t>(begin), turns_.end());
    begins_.push_back(nodes_.size());
    longest_ = std::max(longest_, static_cast<int64_t>(nodes_.size() - begin));
  }
}

}  // namespace storm
