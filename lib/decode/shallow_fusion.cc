// Shallow fusion (Gulcehre et al. 2015, "On Using Monolingual Corpora in Neural Machine Translation", §4.1): to each
// id's logit, the weighted logarithm of the probability that an n-gram model gives it after what was said, which
// follows <s>. An id without a word there has the unknown word's, as have <s> and <pad>, which are never said.
#include <utility>

#include "decode/logits_processor.h"
#include "ngram/ngram_model.h"

namespace storm {

namespace {

class ShallowFusion : public LogitsProcessor {
 public:
  ShallowFusion(const NgramModel& model, double weight) : model_(model), weight_(static_cast<float>(weight)) {}

  void operator()(const RowSoFar& row, std::span<float> logits) const override {
    thread_local std::vector<float> log_probs;
    log_probs.resize(logits.size());
    model_.log_probs(model_.after(row.ids), log_probs);
    for (std::size_t id = 0; id < logits.size(); ++id) logits[id] += weight_ * log_probs[id];
  }

 private:
  const NgramModel& model_;
  float weight_;
};

}  // namespace

const LogitsProcessorKind& shallow_fusion() {
  static const LogitsProcessorKind kind{
      .make = [](const DecodeOptions& o, const SpecialIds&) -> std::unique_ptr<LogitsProcessor> {
        if (!o.fused || o.fused_weight == 0) return nullptr;
        return std::make_unique<ShallowFusion>(*o.fused, o.fused_weight);
      }};
  return kind;
}

}  // namespace storm
