// Sentences sorted by length and cut into full batches.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "decode/generate.h"

namespace storm {

// One batch of what generate() was asked for.
struct DecodingBatch {
  std::vector<uint64_t> numbers;                   // of each sentence's random stream
  PackedSentences contexts;                        // what the decoder is started on
  std::vector<int32_t> first;                      // what each sentence is fed at the first step
  std::vector<std::span<const int32_t>> prefixes;  // without BOS; empty where there is none
  std::vector<std::span<const int32_t>> said;      // before each sentence's answers
  std::vector<int32_t> least, most;                // lengths of what is said, without EOS

  std::size_t size() const { return first.size(); }
};

// The places of `lengths` in batches of at most max_tokens tokens (EOS, one a sentence, is added here) and at most
// max_sentences; a sentence that is longer than that is a batch of its own. Longest first, so that the last batches
// are the small ones; of equally long ones, the earlier first.
std::vector<std::vector<std::size_t>> sorted_batches(std::span<const int64_t> lengths, int64_t max_tokens,
                                                     int64_t max_sentences);

}  // namespace storm
