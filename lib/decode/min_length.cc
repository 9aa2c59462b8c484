// EOS is banned until a row has its minimum length. Hugging Face's MinLengthLogitsProcessor, and of continuations
// MinNewTokensLengthLogitsProcessor.
#include "decode/logits_processor.h"

namespace storm {

namespace {

class MinLength : public LogitsProcessor {
 public:
  explicit MinLength(int32_t eos) : eos_(static_cast<std::size_t>(eos)) {}

  void operator()(const RowSoFar& row, std::span<float> logits) const override {
    if (row.length < row.least) logits[eos_] = kBanned;
  }

 private:
  std::size_t eos_;
};

}  // namespace

const LogitsProcessorKind& min_length() {
  static const LogitsProcessorKind kind{
      .make = [](const DecodeOptions& o, const SpecialIds& special) -> std::unique_ptr<LogitsProcessor> {
        if (o.min_length == 0) return nullptr;
        return std::make_unique<MinLength>(special.eos);
      },
      .in_graph = true};
  return kind;
}

}  // namespace storm
