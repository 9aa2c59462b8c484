// A penalty on what was said before (Keskar et al. 2019, CTRL, §4.1): of each id that the row has, once or often, the
// logit x becomes x / penalty where it is positive and x * penalty where it is negative, as Hugging Face's
// RepetitionPenaltyLogitsProcessor has it (the paper divides always, which would favour an id whose logit is negative).
// What is fed before the row begins, BOS or EOS, is not said.
#include <algorithm>

#include "decode/logits_processor.h"

namespace storm {

namespace {

class RepetitionPenalty : public LogitsProcessor {
 public:
  explicit RepetitionPenalty(double penalty) : penalty_(static_cast<float>(penalty)) {}

  void operator()(const RowSoFar& row, std::span<float> logits) const override {
    std::vector<int32_t> said(row.ids.begin(), row.ids.end());
    std::ranges::sort(said);
    said.erase(std::unique(said.begin(), said.end()), said.end());
    for (const int32_t id : said) {
      float& x = logits[static_cast<std::size_t>(id)];
      x = x < 0 ? x * penalty_ : x / penalty_;
    }
  }

 private:
  float penalty_;
};

}  // namespace

const LogitsProcessorKind& repetition_penalty() {
  static const LogitsProcessorKind kind{
      .make = [](const DecodeOptions& o, const SpecialIds&) -> std::unique_ptr<LogitsProcessor> {
        if (o.repetition_penalty == 1) return nullptr;
        return std::make_unique<RepetitionPenalty>(o.repetition_penalty);
      }};
  return kind;
}

}  // namespace storm
