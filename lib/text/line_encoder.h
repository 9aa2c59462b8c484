// The ids of lines, as Vocabulary::encode gives them, at the price of a look-up for each word that came before.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "text/vocabulary.h"

namespace storm {

// How the ids of a line follow from those of its words, the stretches between spaces (0x20), each encoded alone.
enum class WordRule {
  none,      // they need not: the line is encoded as a whole
  joined,    // one after the other, where single spaces stand between words and none at the ends
  collapsed  // one after the other, however many spaces stand where
};

// The rule that provably holds for a serialized SentencePiece model, none for the bytes of another kind of vocabulary;
// lib/text/README.md has the proof. The formats are those of sentencepiece_model.proto and of the double arrays of
// darts-clone (https://github.com/s-yata/darts-clone).
WordRule word_rule(std::string_view model);

// Remembers words, in 8 MiB at most. A copy remembers on its own: each thread needs one.
class LineEncoder {
 public:
  explicit LineEncoder(Vocabulary vocabulary)
      : vocabulary_(std::move(vocabulary)), rule_(word_rule(vocabulary_.bytes())) {}

  // A line of valid UTF-8, without its end. ranges: which bytes of it each piece stands for (null: not asked for).
  void append(std::string_view line, std::vector<int32_t>& ids, std::vector<ByteRange>* ranges = nullptr);
  WordRule rule() const { return rule_; }

 private:
  using Key = std::array<char, 32>;  // a word, zeros, and in the last byte its length
  struct alignas(64) Entry {         // one cache line
    Key key;
    std::array<int32_t, 7> ids;
    int32_t count;
  };
  std::span<Entry> places(const Key& key);
  void grow();
  bool append_words(std::string_view line, std::vector<int32_t>& ids);
  bool append_word(std::string_view word, std::vector<int32_t>& ids);
  bool append_new(std::string_view word, std::vector<int32_t>& ids);

  Vocabulary vocabulary_;
  WordRule rule_;
  std::vector<Entry> entries_;  // a power of two of pairs, each with the one used last first
  int pair_bits_ = 10;
  std::size_t remembered_ = 0;  // since the entries grew
  std::vector<int32_t> found_;
  std::vector<ByteRange> found_ranges_;
};

}  // namespace storm
