// The n-grams of one order of an ARPA file, which come in any order, put into the order of a model's tables
// (ngram/ngram_tables.h) within a budget of memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "ngram/packed_words.h"

namespace storm {

struct ArpaGram {
  std::array<uint32_t, kMostOrder> words{};  // mixed, the first one first; as many as the order
  float log_prob = 0, backoff = 0;
  uint32_t line = 0;  // behind the first of its section
};

class ArpaOrder {
 public:
  virtual ~ArpaOrder() = default;

  virtual void add(const ArpaGram& gram) = 0;
  // All are there. Returns one that comes for the second time, if there is any: then nothing else may be asked.
  virtual std::optional<ArpaGram> sort() = 0;
  virtual void rewind() = 0;
  virtual bool next(ArpaGram& gram) = 0;  // in order, after rewind(); false behind the last one

  // Whether all n-grams that were put here, words as in ArpaGram, are among this order's: asked once, when it is
  // sorted.
  virtual void expect(std::span<const uint32_t> words) = 0;
  virtual bool holds_expected() = 0;
};

// memory: bytes to sort with, at one time; word_bits: of a word's number.
std::unique_ptr<ArpaOrder> make_arpa_order(int order, int word_bits, std::size_t memory);

}  // namespace storm
