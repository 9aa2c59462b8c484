// Locally typical sampling (Meister et al. 2023): the ids whose information -log p is nearest to the entropy of
// what may follow, the fewest that together reach typical_p, are left. Hugging Face's TypicalLogitsWarper.
#include "decode/logits_processor.h"
#include "decode/sampling_cuts.h"

namespace storm {

namespace {

class TypicalSampling : public LogitsProcessor {
 public:
  explicit TypicalSampling(double mass) : mass_(mass) {}

  void operator()(const RowSoFar&, std::span<float> logits) const override {
    const auto p = softmax(logits);
    double entropy = 0;
    for (const double x : p)
      if (x > 0) entropy -= x * std::log(x);
    std::vector<double> distance;
    for (const double x : p) distance.push_back(std::abs(-std::log(x) - entropy));
    const auto at = [&](int32_t id) { return distance[static_cast<std::size_t>(id)]; };
    keep_mass(logits, p, sorted_ids(logits, [&](int32_t a, int32_t b) { return at(a) < at(b); }), mass_);
  }

 private:
  double mass_;
};

}  // namespace

const LogitsProcessorKind& typical_sampling() {
  static const LogitsProcessorKind kind{
      .make = [](const DecodeOptions& o, const SpecialIds&) -> std::unique_ptr<LogitsProcessor> {
        if (!o.sample || o.typical_p == 1) return nullptr;
        return std::make_unique<TypicalSampling>(o.typical_p);
      }};
  return kind;
}

}  // namespace storm
