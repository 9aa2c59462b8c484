// Pairs of words with people's judgement of how alike they are (WordSim-353, SimLex-999).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace storm {

struct WordPair {
  std::string first, second;
  double score = 0;
  int64_t line = 0;  // in the file, from 1
};

// Lines of word TAB word TAB score; further fields, empty lines and lines that begin with # are passed over, and so is
// a first line whose score is no number (a header). Throws Error for other lines, and for a file without a pair.
std::vector<WordPair> read_word_pairs(const std::string& path);

}  // namespace storm
