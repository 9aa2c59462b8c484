#include "train/optimizer.h"

#include "base/error.h"

namespace storm {

OptimizerOptions::Kind optimizer_from_name(const std::string& name) {
  if (name == "adam") return OptimizerOptions::Kind::adam;
  if (name == "nesterov") return OptimizerOptions::Kind::nesterov;
  throw UsageError(str("--optimizer: '", name, "' is none of adam, nesterov"));
}

std::string optimizer_name(OptimizerOptions::Kind kind) {
  return kind == OptimizerOptions::Kind::adam ? "adam" : "nesterov";
}

Optimizer::Optimizer(std::size_t count, const OptimizerOptions& options)
    : optimizer_(options.kind == OptimizerOptions::Kind::adam
                     ? std::variant<Adam, Nesterov>(Adam(count, options.adam))
                     : std::variant<Adam, Nesterov>(Nesterov(count, options.nesterov))) {}

void Optimizer::update(std::span<float> values, std::span<float> gradients, int64_t step, double rate,
                       float gradient_scale) {
  if (auto* adam = std::get_if<Adam>(&optimizer_)) return adam->update(values, gradients, step, rate, gradient_scale);
  std::get<Nesterov>(optimizer_).update(values, gradients, rate, gradient_scale);
}

std::vector<Optimizer::State> Optimizer::state() const {
  if (const auto* adam = std::get_if<Adam>(&optimizer_)) return {{"adam.m", adam->first()}, {"adam.v", adam->second()}};
  return {{"nesterov.m", std::get<Nesterov>(optimizer_).momentum()}};
}

}  // namespace storm
