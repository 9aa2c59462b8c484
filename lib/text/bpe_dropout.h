// BPE-dropout (Provilkov, Emelianenko and Voita, "BPE-Dropout: simple and effective subword regularization", ACL 2020):
// each time that pairs are looked at for the best merge, each is passed over with a probability. A model that sees a
// word in many segmentations learns what its parts mean. Time grows as n log n with a word's length.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "text/vocabulary.h"

namespace storm {

class BpeDropout {
 public:
  // rate: in [0, 1]; 0 gives what Vocabulary::encode gives, 1 single characters. Throws Error for a vocabulary that is
  // no BPE model or does not encode each word alone (see sentencepiece_word_rule).
  BpeDropout(Vocabulary vocabulary, double rate, uint64_t seed, std::string_view name);

  // The ids of a line of valid UTF-8. The same line, number and seed give the same ids. Words with unknown characters,
  // byte pieces or user-defined symbols stay as they are.
  void append(std::string_view line, uint64_t number, std::vector<int32_t>& ids) const {
    append(vocabulary_.encode(line), number, ids);
  }
  // The same of a line that was cut before, however: its words are found in its pieces.
  void append(std::span<const int32_t> cut, uint64_t number, std::vector<int32_t>& ids) const;
  // The most ids that may come of it.
  int64_t longest(std::span<const int32_t> cut) const;

 private:
  struct Piece {
    int32_t id;
    float score;  // of two merges, the higher goes first
  };
  class Draws;
  bool append_word(std::string_view word, Draws& draws, std::vector<int32_t>& ids) const;

  Vocabulary vocabulary_;
  double rate_;
  uint64_t seed_;
  std::vector<bool> plain_;                             // by id: a normal piece
  std::unordered_map<std::string_view, Piece> pieces_;  // the normal ones; the texts are the vocabulary's bytes
};

}  // namespace storm
