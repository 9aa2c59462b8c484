// Estimates an n-gram model: interpolated modified Kneser-Ney (Chen and Goodman 1998), as KenLM's lmplz does it, within
// a budget of memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/output.h"
#include "ngram/discounts.h"
#include "ngram/ngram_text.h"

namespace storm {

struct NgramSettings {
  int order = 5;                      // 1 to kMostOrder
  std::vector<uint64_t> prune;        // n-grams that come no more often are left out, for each order; empty: none
  std::optional<Discounts> fallback;  // where the text gives none
  std::size_t memory = std::size_t{1} << 30;  // bytes, but for the words themselves and what the program takes
};

struct NgramEstimate {
  uint64_t sentences = 0, tokens = 0;  // of the text; tokens with the end of each sentence
  std::vector<uint64_t> counts;        // n-grams of each order
};

// Writes the model's document (ngram/ngram_tables.h). Temporary files go to $TMPDIR. Throws Error for a text without
// words and one whose discounts cannot be estimated.
NgramEstimate estimate_ngrams(NgramText& text, const NgramSettings& settings, const std::string& command,
                              Output& output);

}  // namespace storm
