// Top-k sampling (Fan et al. 2018, §4): the k likeliest ids are left, of equally likely ones the lower (Hugging Face's
// TopKLogitsWarper leaves all that are as likely as the k-th).
#include "decode/logits_processor.h"
#include "decode/sampling_cuts.h"

namespace storm {

namespace {

class TopKSampling : public LogitsProcessor {
 public:
  explicit TopKSampling(int32_t k) : k_(static_cast<std::size_t>(k)) {}

  void operator()(const RowSoFar&, std::span<float> logits) const override {
    if (k_ >= logits.size()) return;
    std::vector<int32_t> ids(logits.size());
    std::iota(ids.begin(), ids.end(), 0);
    const auto at = [&](int32_t id) { return logits[static_cast<std::size_t>(id)]; };
    const auto first_out = ids.begin() + static_cast<std::ptrdiff_t>(k_);
    std::nth_element(ids.begin(), first_out, ids.end(),
                     [&](int32_t a, int32_t b) { return at(a) > at(b) || (at(a) == at(b) && a < b); });
    for (auto id = first_out; id != ids.end(); ++id) logits[static_cast<std::size_t>(*id)] = kBanned;
  }

 private:
  std::size_t k_;
};

}  // namespace

const LogitsProcessorKind& top_k_sampling() {
  static const LogitsProcessorKind kind{
      .make = [](const DecodeOptions& o, const SpecialIds&) -> std::unique_ptr<LogitsProcessor> {
        if (!o.sample || o.top_k == 0) return nullptr;
        return std::make_unique<TopKSampling>(o.top_k);
      },
      .in_graph = true};
  return kind;
}

}  // namespace storm
