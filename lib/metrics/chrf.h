// chrF (Popović, "chrF: character n-gram F-score for automatic MT evaluation", WMT 2015) and, with words up to bigrams,
// chrF++ (Popović, "chrF++: words helping character n-grams", WMT 2017), as sacreBLEU 2 computes them.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/metric.h"
#include "metrics/ngram_table.h"

namespace storm {

struct ChrfOptions {
  int char_order = 6, word_order = 0;  // 0 to 20 each, not both 0; word_order 2 is chrF++
  int beta = 2;                        // how many times more recall weighs than precision
  bool lowercase = false;
  bool whitespace = false;  // let character n-grams run over spaces
  // Average the orders' F-scores; otherwise their precisions and recalls, empty orders left out.
  bool eps_smoothing = false;
};

// For each order, characters first: n-grams of the hypothesis, of the reference, and matches; [3 * (char + word
// order)].
Metric chrf_metric(const ChrfOptions& options, int64_t num_refs);

// Counts one segment after another, its buffers are reused. One object serves one thread.
class ChrfCounter {
 public:
  explicit ChrfCounter(const ChrfOptions& options) : options_(options) {}
  void set_references(std::span<const std::string_view> references);
  void count(std::string_view hypothesis, int32_t* row);  // against the reference that gives the best score

 private:
  // A segment's characters as numbers, and each window of char_order of them packed into a word, first character
  // highest, so that all n-grams that begin alike are neighbours once the windows are sorted.
  struct Characters {
    std::vector<uint32_t> ids;
    std::vector<uint64_t> windows;
  };
  struct Reference {
    Characters characters;
    NgramTable words, wide;  // wide: character n-grams where windows do not fit
    std::size_t num_words = 0;
  };
  std::string_view prepare(std::string_view segment);
  void number(std::string_view text, bool add, std::vector<uint32_t>& ids);
  void pack(Characters& characters);
  void split_words(std::string_view text);
  // row: [orders][hypothesis, reference, match]; these fill in the matches.
  void match_windows(const Characters& reference, int32_t* row) const;
  static void add_ngrams(std::span<const uint32_t> ids, int orders, NgramTable& table);
  static void match_ngrams(std::span<const uint32_t> ids, int orders, NgramTable& table, int32_t* row);

  ChrfOptions options_;
  std::string lowered_;
  NgramTable alphabet_;  // the references' characters, as pairs (0, code point)
  uint32_t unknown_ = 1;
  int bits_ = 1;        // of a character in a window
  bool narrow_ = true;  // windows fit 64 bits
  // By the zero bits on the left of two windows' difference, how many characters they share; by those on the right of a
  // window, how many it has: fewer than char_order at a segment's end.
  std::array<uint8_t, 65> shared_{}, length_{};
  std::vector<std::unique_ptr<Reference>> references_;
  std::size_t num_refs_ = 0;
  Characters hypothesis_;
  std::vector<uint64_t> sorted_;
  std::vector<std::string_view> words_;
  std::vector<uint32_t> word_ids_;
  std::vector<int32_t> candidate_;
};

}  // namespace storm
