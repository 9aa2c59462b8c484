// The words among a vocabulary's pieces, with the rows of an embedding table.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "text/vocabulary.h"
#include "vectors/word_table.h"

namespace storm {

// Pieces that stand for a whole word by themselves, in the order of the table: those that begin with the mark of a
// space, without it. Controls, the unknown piece and pieces from within words are left out.
class VocabularyWords : public WordTable {
 public:
  // ids: of each row of vectors [ids, width], its piece. The vectors must outlive it.
  VocabularyWords(std::string name, Vocabulary vocabulary, std::span<const int32_t> ids, std::span<const float> vectors,
                  int64_t width);

  const std::string& name() const override { return name_; }
  int64_t size() const override { return static_cast<int64_t>(words_.size()); }
  int64_t width() const override { return width_; }
  std::string_view word(int64_t row) const override { return words_[static_cast<std::size_t>(row)]; }
  // Of a word that the vocabulary spells with one piece.
  int64_t row_of(std::string_view word) const override;
  void read(int64_t row, std::span<float> to) const override;
  // The mean of the word's pieces, which must all be known and have rows.
  bool read_word(std::string_view word, std::span<float> to) const override;
  std::vector<VectorBlock> blocks() const override;

 private:
  std::string name_;
  Vocabulary vocabulary_;
  std::span<const float> vectors_;
  int64_t width_;
  std::unordered_map<int32_t, std::size_t> rows_;  // of vectors_, by id
  std::unordered_map<int32_t, int64_t> row_of_;    // of words_, by id
  std::vector<std::string> words_;
  std::vector<float> own_;  // [words_, width]
};

}  // namespace storm
