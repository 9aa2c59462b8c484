// Logits are divided by the temperature: samples come from p^(1 / temperature). Hugging Face's TemperatureLogitsWarper.
#include "decode/logits_processor.h"

namespace storm {

namespace {

class Temperature : public LogitsProcessor {
 public:
  explicit Temperature(double temperature) : temperature_(temperature) {}

  void operator()(const RowSoFar&, std::span<float> logits) const override {
    for (float& x : logits) x = static_cast<float>(static_cast<double>(x) / temperature_);
  }

 private:
  double temperature_;
};

}  // namespace

const LogitsProcessorKind& temperature() {
  static const LogitsProcessorKind kind{
      .make = [](const DecodeOptions& o, const SpecialIds&) -> std::unique_ptr<LogitsProcessor> {
        if (!o.sample || o.temperature == 1) return nullptr;
        return std::make_unique<Temperature>(o.temperature);
      },
      .in_graph = true};
  return kind;
}

}  // namespace storm
