// How well a model predicts texts, in numbers that can be compared. One definition for all: a row has its tokens and
// one EOS, its words (what spaces separate) and one end of line, its bytes and one line feed; blank rows have the ends
// alone. So WikiText-2's test set has 245,569 words, as it is published, and a language model of those words has as
// many tokens. Unknown words count as what stands in their place.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>

#include "text/vocabulary.h"

namespace storm {

class Perplexity {
 public:
  // log_prob: of the row's ids and EOS. ends: off, log_prob is of the ids alone, and none of the three ends counts.
  void add(double log_prob, std::span<const int32_t> ids, const Vocabulary& vocabulary, bool ends = true);

  // Calls take(name, value): the sum log_prob, tokens, words, bytes; perplexity exp(-log_prob / tokens),
  // perplexity_word exp(-log_prob / words), bits_per_byte -log_prob / (ln 2 bytes). Of no rows or no words, the first
  // four alone.
  template <class Take>
  void each(Take&& take) const {
    take("log_prob", log_prob_);
    take("tokens", static_cast<double>(tokens_));
    take("words", static_cast<double>(words_));
    take("bytes", static_cast<double>(bytes_));
    if (tokens_ == 0 || words_ == 0) return;
    take("perplexity", std::exp(-log_prob_ / static_cast<double>(tokens_)));
    take("perplexity_word", std::exp(-log_prob_ / static_cast<double>(words_)));
    take("bits_per_byte", -log_prob_ / (std::log(2.0) * static_cast<double>(bytes_)));
  }

 private:
  double log_prob_ = 0;
  int64_t tokens_ = 0, words_ = 0, bytes_ = 0;
};

}  // namespace storm
