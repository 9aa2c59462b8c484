// Nucleus sampling (Holtzman et al. 2020, §3.1): the fewest ids, from the likeliest on, that together reach p are left.
// Hugging Face's TopPLogitsWarper.
#include "decode/logits_processor.h"
#include "decode/sampling_cuts.h"

namespace storm {

namespace {

class TopPSampling : public LogitsProcessor {
 public:
  explicit TopPSampling(double p) : p_(p) {}

  void operator()(const RowSoFar&, std::span<float> logits) const override {
    const auto p = softmax(logits);
    const auto at = [&](int32_t id) { return logits[static_cast<std::size_t>(id)]; };
    keep_mass(logits, p, sorted_ids(logits, [&](int32_t a, int32_t b) { return at(a) > at(b); }), p_);
  }

 private:
  double p_;
};

}  // namespace

const LogitsProcessorKind& top_p_sampling() {
  static const LogitsProcessorKind kind{
      .make = [](const DecodeOptions& o, const SpecialIds&) -> std::unique_ptr<LogitsProcessor> {
        if (!o.sample || o.top_p == 1) return nullptr;
        return std::make_unique<TopPSampling>(o.top_p);
      },
      .in_graph = true};
  return kind;
}

}  // namespace storm
