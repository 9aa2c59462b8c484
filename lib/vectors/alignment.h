// Two spaces of word vectors brought into one by an orthogonal map, so that translations are neighbours.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "vectors/word_table.h"

namespace storm {

struct Translation {
  std::string source, target;
};

// Lines of source TAB target, or of two words with a space between them. Empty lines are passed over. Throws Error for
// other lines, and for a file without a pair.
std::vector<Translation> read_dictionary(const std::string& path);

struct SpaceMap {
  std::vector<double> matrix;  // [width, width], orthogonal: a source's row x becomes x W in the target's space
  int64_t pairs = 0;           // of the dictionary with a row on both sides
  double cosine = 0;           // of such pairs after the map, on average
};

// The orthogonal W that brings the directions of the pairs' source words nearest to those of their targets in least
// squares: W = U V^T of the singular value decomposition of X^T Y (Schönemann, "A generalized solution of the
// orthogonal Procrustes problem", Psychometrika 1966; Smith et al., "Offline bilingual word vectors, orthogonal
// transformations and the inverted softmax", ICLR 2017, §2.2). Words are looked up as they are written. Throws Error
// for tables of different widths, for a word whose vector is zero, and where no pair has both words.
SpaceMap align_spaces(const WordTable& source, const WordTable& target, std::span<const Translation> dictionary);

// rows: [n, width] -> rows W, in double and then rounded
std::vector<float> mapped(std::span<const float> rows, std::span<const double> matrix, int64_t width);

struct TranslationPrecision {
  static constexpr std::array<int64_t, 3> kDepths{1, 5, 10};
  int64_t words = 0;               // source words that have a row, and a translation with one
  int64_t asked = 0;               // different source words of the dictionary
  std::array<int64_t, 3> right{};  // those with one of their translations among the 1, 5 and 10 nearest by cosine
};

// How often mapped source words find their translations among all of the target's rows.
TranslationPrecision translation_precision(const WordTable& source, const WordTable& target,
                                           std::span<const double> matrix, std::span<const Translation> dictionary);

}  // namespace storm
