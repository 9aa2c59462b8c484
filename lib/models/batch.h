// Sentence pairs laid out for a model: packed rows and offsets, no padding.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace storm {

// Ids with a meaning of their own; a vocabulary without a BOS starts its targets with EOS.
struct SpecialIds {
  int32_t bos = 2, eos = 3;
};

struct PackedSentences {
  std::vector<int32_t> ids;         // [tokens]
  std::vector<int32_t> offsets{0};  // [sentences + 1]
  int32_t longest = 0;              // tokens of the longest sentence

  int64_t sentences() const { return static_cast<int64_t>(offsets.size()) - 1; }
  int64_t tokens() const { return static_cast<int64_t>(ids.size()); }
  std::vector<int32_t> positions() const;  // [tokens]: each token's place in its sentence, from 0
  std::vector<int32_t> ranges() const;     // [sentences, 2]: the rows of each sentence, from and to (not included)
  // Appends one sentence: `first` (when it is not negative), the ids, `last` (likewise).
  void add(int32_t first, std::span<const int32_t> sentence, int32_t last);
};

struct SentencePair {
  std::span<const int32_t> source, target;  // as a stream has them: without BOS and EOS
};

struct Batch {
  PackedSentences source;       // each sentence with EOS
  PackedSentences target;       // what the decoder is fed: BOS and the sentence
  std::vector<int32_t> labels;  // [target tokens]: what it must say: the sentence and EOS
};

Batch make_batch(std::span<const SentencePair> pairs, const SpecialIds& special);
PackedSentences pack_sources(std::span<const std::span<const int32_t>> sources, const SpecialIds& special);

}  // namespace storm
