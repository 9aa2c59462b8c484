// Translation edit rate (Snover et al., "A study of translation edit rate with targeted human annotation", AMTA 2006)
// as sacreBLEU 2 computes it after Tercom: word edits and shifts of word sequences, with the same limits on the search.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/edit_distance.h"
#include "metrics/metric.h"
#include "metrics/ngram_table.h"

namespace storm {

struct TerOptions {
  bool normalized = false;     // undo XML's escapes and cut punctuation off
  bool no_punct = false;       // leave . , ? : ; ! " ( ) out
  bool asian_support = false;  // with normalized: Chinese characters stand alone; with no_punct: their marks go, too
  bool case_sensitive = false;
};

// Its columns: edits, and the references' lengths (the statistic is their mean).
Metric ter_metric(const TerOptions& options, int64_t num_refs);

// Tercom's words of a segment; the views are valid until the next call.
class TerTokenizer {
 public:
  explicit TerTokenizer(const TerOptions& options) : options_(options) {}
  std::span<const std::string_view> operator()(std::string_view segment);

 private:
  TerOptions options_;
  std::string lowered_, unescaped_, kept_;
  std::vector<std::string_view> words_;
};

// Counts one segment after another, its buffers are reused. One object serves one thread.
class TerCounter {
 public:
  explicit TerCounter(const TerOptions& options) : normalized_(options.normalized), tokenizer_(options) {}
  void set_references(std::span<const std::string_view> references);
  void count(std::string_view hypothesis, int32_t* row);  // row: [edits, sum of reference lengths]

 private:
  struct Shift {
    int32_t gain, length, start, target;
    bool better_than(const Shift& other) const;
  };
  int32_t edits(std::span<const uint32_t> reference);
  // The shift of the hypothesis that saves most edits; false if there is none. checked counts those tried.
  bool find_shift(std::span<const uint32_t> reference, Shift& best, int& checked);

  bool normalized_;
  std::string again_;
  TerTokenizer tokenizer_;
  NgramTable table_;  // only its tokens
  std::vector<std::vector<uint32_t>> references_;
  std::size_t num_refs_ = 0;
  std::vector<uint32_t> words_, hypothesis_, shifted_;
  std::vector<int32_t> align_, hyp_errors_, ref_errors_;
  BeamEditDistance distance_;
};

}  // namespace storm
