// Min-p sampling (Nguyen et al. 2025): ids whose probability is less than min_p times the likeliest one's are left
// out. Hugging Face's MinPLogitsWarper.
#include "decode/logits_processor.h"
#include "decode/sampling_cuts.h"

namespace storm {

namespace {

class MinPSampling : public LogitsProcessor {
 public:
  explicit MinPSampling(double min_p) : log_min_p_(std::log(min_p)) {}

  void operator()(const RowSoFar&, std::span<float> logits) const override {
    const double least = static_cast<double>(*std::ranges::max_element(logits)) + log_min_p_;
    for (float& x : logits)
      if (static_cast<double>(x) < least) x = kBanned;
  }

 private:
  double log_min_p_;
};

}  // namespace

const LogitsProcessorKind& min_p_sampling() {
  static const LogitsProcessorKind kind{
      .make = [](const DecodeOptions& o, const SpecialIds&) -> std::unique_ptr<LogitsProcessor> {
        if (!o.sample || o.min_p == 0) return nullptr;
        return std::make_unique<MinPSampling>(o.min_p);
      }};
  return kind;
}

}  // namespace storm
