// A binary Huffman code of words: what hierarchical softmax decides by (Morin and Bengio 2005; with Huffman's tree,
// Mikolov et al. 2013b, section 2.1).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace storm {

class HuffmanTree {
 public:
  // counts: [words], positive, none larger than the one before.
  explicit HuffmanTree(std::span<const int64_t> counts);

  // The inner nodes from the root to the word, numbered from 0 to words - 2, and at each whether it goes right (1) or
  // left (0).
  struct Path {
    std::span<const int32_t> nodes;
    std::span<const uint8_t> turns;
  };
  Path path(int32_t word) const {
    const auto k = static_cast<std::size_t>(word);
    const auto begin = begins_[k], size = begins_[k + 1] - begin;
    return {std::span(nodes_).subspan(begin, size), std::span(turns_).subspan(begin, size)};
  }
  int64_t longest() const { return longest_; }  // of all paths, in nodes

 private:
  std::vector<std::size_t> begins_{0};
  std::vector<int32_t> nodes_;
  std::vector<uint8_t> turns_;
  int64_t longest_ = 0;
};

}  // namespace storm
