// BLEU against references that are counted once and scored against many times, as in validation while training.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "metrics/bleu.h"

namespace storm {

class BleuReferences {
 public:
  // references[r][i]: reference r of segment i; at least one list, all equally long and not empty (throws Error).
  explicit BleuReferences(std::span<const std::vector<std::string>> references, const BleuOptions& options = {});

  // The corpus score of one hypothesis a segment (throws Error for another number of them). Works on all threads; the
  // result does not depend on how many there are.
  BleuScore score(std::span<const std::string> hypotheses) const;

 private:
  struct Ngram {
    uint32_t id, count;  // the largest count that any reference of the segment has
  };
  BleuCounts count(std::size_t segment, std::span<const std::string_view> tokens, std::vector<uint32_t>& ids,
                   std::vector<uint32_t>& ngrams) const;

  BleuOptions options_;
  NgramTable table_;                  // gives numbers to the n-grams of all segments; counts nothing
  std::vector<Ngram> ngrams_;         // of one segment after another, by id
  std::vector<std::size_t> offsets_;  // [segments + 1] into ngrams_
  std::vector<uint8_t> orders_;       // [table_.size() + 1] how long an n-gram is, less one
  std::vector<int64_t> ref_lens_;     // [segments, references]
};

}  // namespace storm
