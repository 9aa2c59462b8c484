// BLEU (Papineni et al., "BLEU: a method for automatic evaluation of machine translation", ACL 2002) as sacreBLEU 2
// computes it (Post, "A call for clarity in reporting BLEU scores", WMT 2018): the same counts, smoothing and digits.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/metric.h"
#include "metrics/ngram_table.h"
#include "metrics/tokenizer.h"

namespace storm {

// Smoothing of orders without a match (Chen and Cherry, WMT 2014): none; floor puts smooth_value matches; add-k adds
// smooth_value to matches and totals beyond unigrams; exp halves the match, from 1/2 on, for each such order.
enum class Smoothing { none, floor, add_k, exp };
Smoothing smoothing_from_name(std::string_view name);  // throws UsageError

struct BleuOptions {
  TokenizerOptions tokenizer;
  Smoothing smooth_method = Smoothing::exp;
  std::optional<double> smooth_value;  // floor: 0.1, add-k: 1
  bool effective_order = false;  // stop at the longest n-gram that the hypothesis has room for: for single sentences
};

// What BLEU needs to know of any set of segments; counts of segments add up.
struct BleuCounts {
  static constexpr int orders = 4;
  int64_t hyp_len = 0,
          ref_len = 0;  // in tokens; ref_len is that of the reference closest in length, the shorter if two are
  std::array<int64_t, orders> correct{}, total{};  // n-grams of the hypothesis that match, and all of them
  BleuCounts& operator+=(const BleuCounts& other);
};

// Of a hypothesis of so many tokens, without any match yet. ref_lens: of its references.
BleuCounts empty_counts(std::size_t num_tokens, std::span<const int64_t> ref_lens);

struct BleuScore {
  double score = 0, brevity_penalty = 1;                // score: 0 to 100
  std::array<double, BleuCounts::orders> precisions{};  // in percent
  int64_t hyp_len = 0, ref_len = 0;
  std::string verbose() const;  // "60.0/40.0/30.0/20.0 (BP = 1.000 ratio = 1.001 hyp_len = 1234 ref_len = 1233)"
};

BleuScore bleu_score(const BleuCounts& counts, const BleuOptions& options);

// Its columns: hyp_len, ref_len, correct[4], total[4].
Metric bleu_metric(const BleuOptions& options, int64_t num_refs);

// Counts one segment after another; its tables are reused. One object serves one thread.
class BleuCounter {
 public:
  explicit BleuCounter(const BleuOptions& options) : tokenizer_(options.tokenizer) {}
  void set_references(std::span<const std::string_view> references);
  BleuCounts count(std::string_view hypothesis);  // against the references that were set last

 private:
  Tokenizer tokenizer_;
  NgramTable table_;
  std::vector<uint32_t> ids_;
  std::vector<int64_t> ref_lens_;
};

}  // namespace storm
