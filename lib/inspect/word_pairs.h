// Pairs of words with people's judgement of how alike they are (WordSim-353, SimLex-999), and how well a model agrees.
#pragma once

#include <cstdint>
#include <span>
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

// Ranks from 1; equal values share the mean of theirs.
std::vector<double> average_ranks(std::span<const double> values);

// Spearman's rank correlation: Pearson's of the average ranks. NaN below two pairs and where one side is constant.
double spearman(std::span<const double> a, std::span<const double> b);

}  // namespace storm
