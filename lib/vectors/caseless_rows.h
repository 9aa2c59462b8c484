// Words whatever their case, as evaluations of word vectors look them up.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "vectors/word_table.h"

namespace storm {

// The same for words that differ in case alone.
using CaseFold = std::string (*)(std::string_view word);
std::string fold_case(std::string_view word);        // words with one upper case by Python's str.upper()
std::string fold_ascii_case(std::string_view word);  // by C's toupper, as word2vec's programs

// The first row of those among a table's first `rows` whose words differ in case alone: the most frequent one.
class CaselessRows {
 public:
  CaselessRows(const WordTable& table, int64_t rows, CaseFold fold);
  int64_t row_of(std::string_view word) const;  // -1: there is none

 private:
  CaseFold fold_;
  std::unordered_map<std::string, int64_t> rows_;
};

}  // namespace storm
