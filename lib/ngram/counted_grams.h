// The records that n-grams are sorted as.
#pragma once

#include <cstdint>

#include "base/error.h"
#include "ngram/packed_words.h"

namespace storm {

constexpr uint32_t kMostCount = UINT32_MAX >> 1;  // of an n-gram: one bit of the number says that it is pruned

inline uint32_t sum_of_counts(uint64_t a, uint64_t b) {
  require(a + b <= kMostCount, "an n-gram comes more than ", kMostCount, " times; give less text");
  return static_cast<uint32_t>(a + b);
}

// An n-gram of the highest order as it is counted, last word first.
template <int K>
struct CountedGram {
  PackedWords<K> words;
  uint32_t count = 0;

  bool combine(const CountedGram& other) {
    if (words != other.words) return false;
    count = sum_of_counts(count, other.count);
    return true;
  }
};

// An n-gram with its adjusted count, first word first.
template <int K>
struct AdjustedGram {
  PackedWords<K> words;  // as the model's tables have them: mixed (ngram_tables.h)
  uint32_t count : 31 = 0, pruned : 1 = 0;
  uint32_t place = 0;  // among all of its order, sorted by their last word, then by the one before it

  bool combine(const AdjustedGram&) { return false; }
};

}  // namespace storm
