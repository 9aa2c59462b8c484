#include "ngram/suffix_scan.h"

#include <algorithm>

#include "ngram/counted_grams.h"

namespace storm {

SuffixScan::SuffixScan(int order, std::span<const uint64_t> prune, uint32_t begin, Take take)
    : order_(order),
      begin_(begin),
      prune_(prune.begin(), prune.end()),
      take_(std::move(take)),
      counts_(static_cast<std::size_t>(order)) {}

void SuffixScan::add(std::span<const uint32_t> reversed, uint32_t count) {
  // Of several <s>, the last one alone is a word.
  int length = order_;
  while (length > 1 && reversed[static_cast<std::size_t>(length) - 2] == begin_) --length;
  int same = 0;
  while (same < std::min(open_, length) &&
         words_[static_cast<std::size_t>(same)] == reversed[static_cast<std::size_t>(same)])
    ++same;
  for (; open_ > same; --open_) close(open_, false);
  for (int n = 1; n <= same; ++n) {
    auto& gram = open_grams_[static_cast<std::size_t>(n) - 1];
    gram.count = sum_of_counts(gram.count, count);
  }
  if (same > 0) ++open_grams_[static_cast<std::size_t>(same) - 1].adjusted;
  for (; open_ < length; ++open_) {
    const auto k = static_cast<std::size_t>(open_);
    words_[k] = reversed[k];
    open_grams_[k] = {count, open_ + 1 < length ? 1 : count, places_[k]++};
  }
}

void SuffixScan::close(int order, bool last) {
  const auto k = static_cast<std::size_t>(order) - 1;
  const auto& gram = open_grams_[k];
  const auto counted = last && order < order_ ? gram.count : gram.adjusted;
  if (counted < counts_[k].size()) ++counts_[k][counted];
  take_(std::span(words_).first(k + 1), gram.adjusted, gram.count <= prune_[k],
        order > 1 ? open_grams_[k - 1].place : 0);
}

void SuffixScan::finish() {
  for (; open_ > 0; --open_) close(open_, true);
}

}  // namespace storm
