// What becomes of sources that are longer than a model takes: they are cut, or split into parts that are translated
// each by itself and whose translations are joined.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "decode/generate.h"
#include "text/vocabulary.h"

namespace storm {

// Lengths of the parts, of `most` pieces at most each, of a text that pieces stand for (Vocabulary::marked_bytes). A
// part reaches as far as it may to the end of a sentence, else to the last word that begins, else to the last character
// that ends within it. A sentence ends behind . ! ? … and their like in other scripts, and quotes or brackets that
// close behind these, where a word begins; in scripts without spaces wherever such a mark stands.
std::vector<std::size_t> part_lengths(std::span<const std::string> pieces, std::size_t most);

class LongSources {
 public:
  enum class Rule : uint8_t { cut, split };

  LongSources(Rule rule, Vocabulary source, const Vocabulary& target);

  // The parts of a source, which has more than `most` tokens, that are to be translated.
  std::vector<std::span<const int32_t>> parts(std::span<const int32_t> source, int64_t most);
  // The translations of a source of those of its parts: its ith of the ith of each (of its last, of a part that has
  // fewer), so that the first is the first of all. A stop string that a part ends with ends it. longest: what the
  // translation of the last part may have at most.
  Hypotheses joined(std::span<const Hypotheses> parts, int32_t longest, const DecodeOptions& options) const;

  // Says how many sources were cut or split, unless none were.
  void note_count() const;

 private:
  Hypothesis joined(std::span<const Hypotheses> parts, std::size_t rank, int32_t longest,
                    const DecodeOptions& options) const;
  bool needs_space(std::span<const int32_t> next) const;

  Rule rule_;
  Vocabulary source_, target_;
  int32_t space_ = -1;  // goes between translations, whose first words have none before them; -1: they have
  int64_t sources_ = 0, parts_ = 0;  // those that were too long, and what became of them
};

}  // namespace storm
