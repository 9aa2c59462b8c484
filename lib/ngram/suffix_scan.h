// From the counts of the longest n-grams, in suffix order (by their last word, then by the one before it, ...), to the
// adjusted counts of all orders (Kneser and Ney 1995): an n-gram that is no longest one, and does not begin a sentence,
// counts as often as different words stand before it.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "ngram/discounts.h"
#include "ngram/packed_words.h"

namespace storm {

class SuffixScan {
 public:
  // An n-gram of an order from 1 on, last word first. lower: the number of the n-gram without its first word among
  // those of its order (0 for single words). Those of an order come in suffix order; pruned: they are to be left out.
  using Take = std::function<void(std::span<const uint32_t> reversed, uint32_t count, bool pruned, uint32_t lower)>;

  // prune: of each order, n-grams that come no more often are left out. begin: the number of <s>.
  SuffixScan(int order, std::span<const uint64_t> prune, uint32_t begin, Take take);

  // The next longest n-gram, last word first, and how often it comes: sentences begin with as many <s> as fill it.
  void add(std::span<const uint32_t> reversed, uint32_t count);
  void finish();

  // Of n-grams by their adjusted counts, for the discounts. As in KenLM, whose numbers this is to give, the last n-gram
  // of each order but the highest stands there with its own count instead of its adjusted one.
  const CountsOfCounts& counts_of_counts(int order) const { return counts_[static_cast<std::size_t>(order) - 1]; }

 private:
  struct Open {          // the n-gram of an order that was not finished yet
    uint32_t count = 0;  // how often it comes, up to kMostCount
    uint32_t adjusted = 0;
    uint32_t place = 0;
  };
  void close(int order, bool last);

  int order_;
  uint32_t begin_;
  std::vector<uint64_t> prune_;
  Take take_;
  int open_ = 0;                              // orders that have an open n-gram: those of the last one that was added
  std::array<uint32_t, kMostOrder> words_{};  // its words, last word first
  std::array<Open, kMostOrder> open_grams_{};
  std::array<uint32_t, kMostOrder> places_{};  // the next one's of each order
  std::vector<CountsOfCounts> counts_;
};

}  // namespace storm
