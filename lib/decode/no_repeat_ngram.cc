// No n ids in a row come twice (Paulus et al. 2018, §2.5): an id that would complete an n-gram which the
// row has is banned. Hugging Face's NoRepeatNGramLogitsProcessor. Of 1, no id comes twice.
#include <algorithm>

#include "decode/logits_processor.h"

namespace storm {

namespace {

class NoRepeatNgram : public LogitsProcessor {
 public:
  explicit NoRepeatNgram(int32_t n) : before_(static_cast<std::size_t>(n) - 1) {}

  void operator()(const RowSoFar& row, std::span<float> logits) const override {
    if (row.ids.size() < before_) return;
    const auto last = row.ids.last(before_);
    for (std::size_t i = 0; i + before_ < row.ids.size(); ++i)
      if (std::ranges::equal(row.ids.subspan(i, before_), last))
        logits[static_cast<std::size_t>(row.ids[i + before_])] = kBanned;
  }

 private:
  std::size_t before_;  // ids of an n-gram before its last one
};

}  // namespace

const LogitsProcessorKind& no_repeat_ngram() {
  static const LogitsProcessorKind kind{
      .make = [](const DecodeOptions& o, const SpecialIds&) -> std::unique_ptr<LogitsProcessor> {
        if (o.no_repeat_ngram == 0) return nullptr;
        return std::make_unique<NoRepeatNgram>(o.no_repeat_ngram);
      }};
  return kind;
}

}  // namespace storm
