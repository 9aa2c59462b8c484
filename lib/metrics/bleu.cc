#include "metrics/bleu.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/error.h"
#include "base/number.h"

namespace storm {

namespace {

constexpr std::string_view kSmoothings[] = {"none", "floor", "add-k", "exp"};

double smooth_value(const BleuOptions& options) {
  return options.smooth_value.value_or(options.smooth_method == Smoothing::floor ? 0.1 : 1.0);
}

constexpr int kColumns = 2 + 2 * BleuCounts::orders;

// sums: [kColumns]
template <class Real>
BleuScore score_sums(std::span<const Real> sums, const BleuOptions& options) {
  BleuScore s;
  s.hyp_len = static_cast<int64_t>(sums[0]);
  s.ref_len = static_cast<int64_t>(sums[1]);
  const auto all_correct = sums.subspan(2, BleuCounts::orders), all_total = sums.subspan(2 + BleuCounts::orders);
  if (s.hyp_len < s.ref_len)
    s.brevity_penalty =
        s.hyp_len > 0 ? std::exp(1 - static_cast<double>(s.ref_len) / static_cast<double>(s.hyp_len)) : 0;
  if (std::ranges::all_of(all_correct, [](Real c) { return c == 0; })) return s;

  Real halved = 1;
  std::size_t order = BleuCounts::orders;
  for (std::size_t n = 0; n < BleuCounts::orders; ++n) {
    const auto added =
        static_cast<Real>(options.smooth_method == Smoothing::add_k && n > 0 ? smooth_value(options) : 0);
    const Real correct = all_correct[n] + added, total = all_total[n] + added;
    if (total == 0) break;
    if (options.effective_order) order = n + 1;
    if (correct != 0)
      s.precisions[n] = 100 * correct / total;
    else if (options.smooth_method == Smoothing::exp)
      s.precisions[n] = 100 / ((halved *= 2) * total);
    else if (options.smooth_method == Smoothing::floor)
      s.precisions[n] = static_cast<Real>(100 * smooth_value(options)) / total;
  }
  double log_sum = 0;
  for (std::size_t n = 0; n < order; ++n) log_sum += s.precisions[n] == 0 ? -9999999999. : std::log(s.precisions[n]);
  s.score = s.brevity_penalty * std::exp(log_sum / static_cast<double>(order));
  return s;
}

}  // namespace

Smoothing smoothing_from_name(std::string_view name) {
  for (std::size_t i = 0; i < std::size(kSmoothings); ++i)
    if (kSmoothings[i] == name) return static_cast<Smoothing>(i);
  throw UsageError(str("--smooth-method: '", name, "' is none of none, floor, add-k, exp"));
}

BleuCounts& BleuCounts::operator+=(const BleuCounts& other) {
  hyp_len += other.hyp_len;
  ref_len += other.ref_len;
  for (int n = 0; n < orders; ++n) {
    correct[n] += other.correct[n];
    total[n] += other.total[n];
  }
  return *this;
}

BleuCounts empty_counts(std::size_t num_tokens, std::span<const int64_t> ref_lens) {
  BleuCounts c;
  c.hyp_len = static_cast<int64_t>(num_tokens);
  c.ref_len = *std::ranges::min_element(ref_lens, {}, [&](int64_t n) { return std::pair(std::abs(c.hyp_len - n), n); });
  for (int n = 0; n < BleuCounts::orders; ++n) c.total[n] = std::max<int64_t>(0, c.hyp_len - n);
  return c;
}

std::string BleuScore::verbose() const {
  std::string text;
  for (double p : precisions) text += (text.empty() ? "" : "/") + fixed(p, 1);
  const double ratio = ref_len ? static_cast<double>(hyp_len) / static_cast<double>(ref_len) : 0;
  return text + " (BP = " + fixed(brevity_penalty, 3) + " ratio = " + fixed(ratio, 3) +
         " hyp_len = " + std::to_string(hyp_len) + " ref_len = " + std::to_string(ref_len) + ")";
}

BleuScore bleu_score(const BleuCounts& c, const BleuOptions& options) {
  std::array<double, kColumns> sums{static_cast<double>(c.hyp_len), static_cast<double>(c.ref_len)};
  for (int n = 0; n < BleuCounts::orders; ++n) {
    sums[static_cast<std::size_t>(2 + n)] = static_cast<double>(c.correct[n]);
    sums[static_cast<std::size_t>(2 + BleuCounts::orders + n)] = static_cast<double>(c.total[n]);
  }
  return score_sums<double>(sums, options);
}

Metric bleu_metric(const BleuOptions& options, int64_t num_refs) {
  std::string smooth(kSmoothings[static_cast<std::size_t>(options.smooth_method)]);
  if (options.smooth_method == Smoothing::floor || options.smooth_method == Smoothing::add_k)
    smooth += "[" + fixed(smooth_value(options), 2) + "]";
  Metric m;
  m.key = m.name = "BLEU";
  m.signature.fields = {{"nrefs", "#", std::to_string(num_refs)},
                        {"case", "c", options.tokenizer.lowercase ? "lc" : "mixed"},
                        {"eff", "e", options.effective_order ? "yes" : "no"},
                        {"tok", "tok", tokenizer_signature(options.tokenizer)},
                        {"smooth", "s", smooth}};
  m.columns = kColumns;
  m.divisors.assign(kColumns, 1);
  m.counter = [options] {
    return [counter = BleuCounter(options)](auto references, auto hypotheses, int32_t* row) mutable {
      counter.set_references(references);
      for (const auto hypothesis : hypotheses) {
        const BleuCounts c = counter.count(hypothesis);
        *row++ = static_cast<int32_t>(c.hyp_len);
        *row++ = static_cast<int32_t>(c.ref_len);
        for (auto n : c.correct) *row++ = static_cast<int32_t>(n);
        for (auto n : c.total) *row++ = static_cast<int32_t>(n);
      }
    };
  };
  m.value = [options](std::span<const double> sums) { return score_sums(sums, options).score; };
  m.verbose = [options](std::span<const double> sums) { return score_sums(sums, options).verbose(); };
  m.value_f32 = [options](std::span<const float> sums) { return score_sums(sums, options).score; };
  m.is_f32 = false;  // precisions are, but their logarithms are taken in double precision
  return m;
}

void BleuCounter::set_references(std::span<const std::string_view> references) {
  table_.clear();
  ref_lens_.clear();
  for (const auto reference : references) {
    const auto tokens = tokenizer_(reference);
    table_.begin_reference();
    ids_.clear();
    for (const auto token : tokens) ids_.push_back(table_.add_token(token));
    for (std::size_t i = 0; i < ids_.size(); ++i) {
      uint32_t ngram = ids_[i];
      table_.add(ngram);
      const std::size_t end = std::min(i + BleuCounts::orders, ids_.size());
      for (std::size_t next = i + 1; next < end; ++next) table_.add(ngram = table_.add_pair(ngram, ids_[next]));
    }
    ref_lens_.push_back(static_cast<int64_t>(tokens.size()));
  }
}

BleuCounts BleuCounter::count(std::string_view hypothesis) {
  const auto tokens = tokenizer_(hypothesis);
  table_.begin_hypothesis();
  BleuCounts c = empty_counts(tokens.size(), ref_lens_);
  ids_.clear();
  for (const auto token : tokens) ids_.push_back(table_.find_token(token));
  for (std::size_t i = 0; i < ids_.size(); ++i) {
    uint32_t ngram = ids_[i];
    // An n-gram that no reference has begins no longer one that a reference has.
    for (std::size_t n = 0; ngram != NgramTable::absent;) {
      c.correct[n] += table_.match(ngram);
      if (++n == BleuCounts::orders || i + n == ids_.size()) break;
      ngram = ids_[i + n] == NgramTable::absent ? NgramTable::absent : table_.find_pair(ngram, ids_[i + n]);
    }
  }
  return c;
}

}  // namespace storm
