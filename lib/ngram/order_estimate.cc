#include "ngram/order_estimate.h"

#include <array>
#include <cmath>
#include <optional>
#include <vector>

#include "base/error.h"
#include "ngram/counted_grams.h"
#include "ngram/rearranged.h"
#include "ngram/record_sorter.h"

namespace storm {

namespace {

// log10 as KenLM takes it, which never lets a probability be above 1.
float log10_of(float probability) { return std::min(0.0F, std::log10(probability)); }

template <int K>
class Estimate final : public OrderEstimate {
 public:
  Estimate(int order, bool highest, int bits, std::size_t sorting, std::size_t arranging)
      : order_(order),
        bits_(bits),
        highest_(highest),
        arranging_(std::min(arranging, kMostArranging)),
        grams_(std::in_place, sorting) {}

  void add(std::span<const uint32_t> words, uint32_t count, bool pruned, uint32_t lower) override {
    require(size_ < kMostNgrams, "more than ", kMostNgrams, " different ", order_, "-grams; give less text");
    AdjustedGram<K> gram;
    gram.words = PackedWords<K>::of(words, bits_);
    gram.count = count & kMostCount;
    gram.pruned = pruned;
    gram.place = size_++;
    grams_->push(gram);
    lower_.push(lower);
  }

  void add_history(std::span<const uint32_t> words, const HistorySums& sums) override {
    histories_.push({PackedWords<K>::of(words, bits_), sums});
  }

  void normalize(const Discounts& discounts, const TakeHistory& take) override {
    grams_->finish();
    histories_.rewind();
    shares_.emplace(size_, arranging_ * 2 / 3);
    std::vector<AdjustedGram<K>> group;  // with the same history
    for (const auto* gram = grams_->next(); gram;) {
      group.clear();
      do {
        group.push_back(*gram);
        gram = grams_->next();
      } while (gram && same_history(gram->words, group[0].words));
      normalize(group, discounts, take);
    }
    require(histories_.peek() == nullptr, "a history of ", order_ + 1, "-grams is no ", order_, "-gram");
    grams_.reset();
  }

  void interpolate(Sequence<float>& lower, Sequence<float>& upper) override {
    lower_.rewind();
    lower.rewind();
    log_probs_.emplace(kept_, arranging_ / 3);
    float below = 0;
    int64_t at = -1;  // whose probability `below` is
    for (uint32_t place = 0; place < size_; ++place) {
      for (const uint32_t wanted = *lower_.next(); at < wanted; ++at) below = *lower.next();
      const Share& share = shares_->next();
      const float p = share.own + share.backoff * below;
      upper.push(p);
      if (share.entry > 0) log_probs_->put(share.entry - 1, log10_of(p));
    }
    shares_.reset();
  }

  void write(NgramTablesWriter& writer) override {
    nodes_.rewind();
    uint64_t next = 0;
    while (const auto* node = nodes_.next()) {
      writer.add({node->word, log_probs_->next(), highest_ ? 0 : std::log10(node->sums.backoff), next});
      next += node->sums.next;
    }
    log_probs_.reset();
  }

 private:
  struct History {
    PackedWords<K> words;
    HistorySums sums;
  };
  struct Node {  // what is known of an entry in the tables' order
    uint32_t word;
    HistorySums sums;
  };
  struct Share {
    uint32_t entry;  // from 1 on; 0: it is pruned
    float own;       // of its history's counts, after the discount
    float backoff;   // of its history
  };

  bool same_history(const PackedWords<K>& a, const PackedWords<K>& b) const {
    const int bits = (order_ - 1) * bits_, whole = bits / 32, rest = bits % 32;
    for (int p = 0; p < whole; ++p)
      if (a.parts[static_cast<std::size_t>(p)] != b.parts[static_cast<std::size_t>(p)]) return false;
    const auto k = static_cast<std::size_t>(whole);
    return rest == 0 || (a.parts[k] ^ b.parts[k]) >> (32 - rest) == 0;
  }

  void normalize(std::span<const AdjustedGram<K>> group, const Discounts& discounts, const TakeHistory& take) {
    uint64_t sum = 0, pruned = 0;
    std::array<uint64_t, 4> counts{};
    HistorySums sums;
    for (const auto& gram : group) {
      sum += gram.count;
      if (gram.pruned) {
        pruned += gram.count;
        continue;
      }
      ++counts[std::min<uint32_t>(gram.count, 3)];
      ++sums.next;
    }
    if (sums.next == 0) return;  // nothing goes on from it: its weight stays 1
    const auto all = static_cast<float>(sum);
    sums.backoff = 0;
    for (std::size_t j = 1; j < 4; ++j) sums.backoff += discounts[j] * static_cast<float>(counts[j]);
    sums.backoff += static_cast<float>(pruned);
    sums.backoff /= all;
    for (const auto& gram : group) {
      if (gram.pruned) continue;
      shares_->put(gram.place, {static_cast<uint32_t>(++kept_), discounted(gram.count, discounts) / all, sums.backoff});
      Node node{gram.words.word(order_ - 1, bits_), {}};
      if (const auto* history = histories_.peek(); history && history->words == gram.words) {
        node.sums = history->sums;
        histories_.next();
      }
      nodes_.push(node);
    }
    for (int k = 0; k + 1 < order_; ++k) words_[static_cast<std::size_t>(k)] = group[0].words.word(k, bits_);
    take(std::span(words_).first(static_cast<std::size_t>(order_) - 1), sums);
  }

  int order_, bits_;
  bool highest_;
  std::size_t arranging_;
  uint32_t size_ = 0;  // n-grams that were added
  std::optional<RecordSorter<AdjustedGram<K>>> grams_;
  Sequence<uint32_t> lower_;  // by place: that of the n-gram without its first word
  Sequence<History> histories_;
  Sequence<Node> nodes_;
  std::optional<Rearranged<Share>> shares_;
  std::optional<Rearranged<float>> log_probs_;
  std::array<uint32_t, kMostOrder> words_{};
};

}  // namespace

std::unique_ptr<OrderEstimate> make_order_estimate(int order, bool highest, int word_bits, std::size_t sorting,
                                                   std::size_t arranging) {
  return with_packed_parts(order, word_bits, [&](auto k) -> std::unique_ptr<OrderEstimate> {
    return std::make_unique<Estimate<k()>>(order, highest, word_bits, sorting, arranging);
  });
}

}  // namespace storm
