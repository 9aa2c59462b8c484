#include <algorithm>
#include <cmath>

#include "cpu/simd.h"
#include "decode/diverged.h"
#include "decode/logits_processor.h"

namespace storm {

const LogitsProcessorKind& repetition_penalty();
const LogitsProcessorKind& shallow_fusion();
const LogitsProcessorKind& no_repeat_ngram();
const LogitsProcessorKind& banned_ids();
const LogitsProcessorKind& min_length();
const LogitsProcessorKind& temperature();
const LogitsProcessorKind& top_k_sampling();
const LogitsProcessorKind& top_p_sampling();
const LogitsProcessorKind& min_p_sampling();
const LogitsProcessorKind& typical_sampling();

namespace {

// A processor is added by its line here, and its declaration above. The order is that in which they work: fusion is
// behind the penalty, which by its definition is of the model's own logits, and before all that bans or cuts.
std::span<const LogitsProcessorKind* const> kinds() {
  static const LogitsProcessorKind* const all[] = {
      &repetition_penalty(), &shallow_fusion(), &no_repeat_ngram(), &banned_ids(),     &min_length(),
      &temperature(),        &top_k_sampling(), &top_p_sampling(),  &min_p_sampling(), &typical_sampling()};
  return all;
}

// Leaves the largest in *most, and returns the sum of e^(x - *most): NaN when one of them is.
STORM_CLONES float exp_sum(const float* x, int64_t n, float* most) {
  const float largest = simd::largest(x, n);
  *most = largest;
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; ++i) sum += simd::exp(x[i] - largest);
  return sum;
}

double log_sum_exp(std::span<const float> x) {
  float largest = 0;
  const float sum = exp_sum(x.data(), std::ssize(x), &largest);
  return static_cast<double>(largest) + std::log(static_cast<double>(sum));
}

}  // namespace

LogitsProcessors::LogitsProcessors(const DecodeOptions& options, const SpecialIds& special)
    : eos_(special.eos), renormalize_(options.renormalize && !options.sample) {
  bool needed = renormalize_ && options.min_length > 0;  // graphs ban EOS behind the softmax, and do not share it out
  for (const LogitsProcessorKind* kind : kinds()) {
    auto processor = kind->make(options, special);
    if (!processor) continue;
    needed |= !kind->in_graph;
    processors_.push_back(std::move(processor));
  }
  if (!needed) processors_.clear();
}

double LogitsProcessors::operator()(const RowSoFar& row, std::span<float> logits) const {
  const double normalizer = log_sum_exp(logits);
  float& eos = logits[static_cast<std::size_t>(eos_)];
  const float eos_before = eos;
  require_number(static_cast<double>(eos_before) - normalizer);
  for (const auto& processor : processors_) {
    (*processor)(row, logits);
    if (std::ranges::all_of(logits, [](float x) { return x == kBanned; })) eos = eos_before;
  }
  return renormalize_ ? log_sum_exp(logits) : normalizer;
}

}  // namespace storm
