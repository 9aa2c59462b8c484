// Sentences sorted by length and cut into full batches.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "decode/translate.h"

namespace storm {

// One batch of what translate() was asked for. Nothing is copied.
struct DecodingBatch {
  std::vector<std::size_t> sentences;              // their places among all sources
  std::vector<std::span<const int32_t>> sources;   // without EOS
  std::vector<std::span<const int32_t>> prefixes;  // without BOS; empty where there is none
  std::vector<int32_t> least, most;                // lengths of the target, without EOS
};

// The places of `lengths` in batches of at most max_tokens tokens (EOS, one a sentence, is added here) and at most
// max_sentences; a sentence that is longer than that is a batch of its own. Longest first, so that the last batches
// are the small ones; of equally long ones, the earlier first.
std::vector<std::vector<std::size_t>> sorted_batches(std::span<const int64_t> lengths, int64_t max_tokens,
                                                     int64_t max_sentences);

}  // namespace storm
