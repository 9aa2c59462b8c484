// One order of an n-gram model while it is estimated: from adjusted counts to the entries of its table. The steps are
// those of Heafield et al. (2013, section 3), each a pass over sorted records within a budget of memory:
//
//   add          all n-grams with their adjusted counts, in suffix order: by their last word, then the one before it
//   normalize    in the tables' order, where those with the same history are neighbours: what each has of its history's
//                counts, and what the history leaves to the words that it was never followed by (its back-off weight)
//   interpolate  in suffix order again, where the n-gram without its first word is known: the probability
//   write        in the tables' order
//
// An n-gram's place in suffix order is its number from `add` to `interpolate`; those that are pruned have one, too.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "ngram/discounts.h"
#include "ngram/ngram_tables.h"
#include "ngram/sequence.h"

namespace storm {

// What a history's successors say of it: those who follow are one order up.
struct HistorySums {
  float backoff = 1;  // Chen and Goodman's gamma: the probability that is left for the order below
  uint32_t next = 0;  // n-grams that go on from it, pruned ones not among them
};

// Takes the histories of the order above, in the tables' order: their mixed words.
using TakeHistory = std::function<void(std::span<const uint32_t> words, const HistorySums& sums)>;

class OrderEstimate {
 public:
  virtual ~OrderEstimate() = default;

  // words: mixed, the first one first. lower: the place of the n-gram without its first word, in its order.
  virtual void add(std::span<const uint32_t> words, uint32_t count, bool pruned, uint32_t lower) = 0;
  // A history of the order above, in the tables' order, before normalize().
  virtual void add_history(std::span<const uint32_t> words, const HistorySums& sums) = 0;
  // Hands on the histories of its own n-grams.
  virtual void normalize(const Discounts& discounts, const TakeHistory& take) = 0;
  // lower: the probabilities of the order below, by place; upper gets those of this order.
  virtual void interpolate(Sequence<float>& lower, Sequence<float>& upper) = 0;
  virtual void write(NgramTablesWriter& writer) = 0;

  uint64_t kept() const { return kept_; }  // n-grams that are not pruned; known after normalize()

 protected:
  uint64_t kept_ = 0;
};

// What comes in another order is put into parts of no more bytes than this, whatever the budget: in larger ones nearly
// every put is a miss of the cache and of the processor's memory of pages.
constexpr std::size_t kMostArranging = std::size_t{96} << 20;

// sorting: bytes for its n-grams while they are sorted; arranging: for them in one order while they come in the other.
// highest: of the model. word_bits: of a word's number.
std::unique_ptr<OrderEstimate> make_order_estimate(int order, bool highest, int word_bits, std::size_t sorting,
                                                   std::size_t arranging);

}  // namespace storm
