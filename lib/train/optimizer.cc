#include "train/optimizer.h"

#include "base/error.h"
#include "train/decay_turns.h"

namespace storm {

OptimizerOptions::Kind optimizer_from_name(const std::string& name) {
  if (name == "adam") return OptimizerOptions::Kind::adam;
  if (name == "nesterov") return OptimizerOptions::Kind::nesterov;
  throw UsageError(str("--optimizer: '", name, "' is none of adam, nesterov"));
}

std::string optimizer_name(OptimizerOptions::Kind kind) {
  return kind == OptimizerOptions::Kind::adam ? "adam" : "nesterov";
}

UpdateRule update_rule(const OptimizerOptions& o) {
  if (o.kind == OptimizerOptions::Kind::nesterov)
    return {.nesterov = true, .momentum = o.nesterov.momentum, .weight_decay = o.nesterov.weight_decay};
  return {.beta1 = o.adam.beta1, .beta2 = o.adam.beta2, .epsilon = o.adam.epsilon, .weight_decay = o.adam.weight_decay};
}

Optimizer::Optimizer(const Parameters& parameters, const OptimizerOptions& options, Device* device)
    : Optimizer(parameters.trained_values().size(), options, device,
                update_rule(options).weight_decay == 0 || options.decay_vectors ? std::vector<int64_t>{}
                                                                                : turns_at_vectors(parameters)) {}

Optimizer::Optimizer(std::size_t count, const OptimizerOptions& options, Device* device,
                     std::vector<int64_t> decay_turns)
    : optimizer_(options.kind == OptimizerOptions::Kind::adam
                     ? std::variant<Adam, Nesterov>(Adam(count, options.adam, decay_turns))
                     : std::variant<Adam, Nesterov>(Nesterov(count, options.nesterov, decay_turns))),
      device_(device),
      decay_turns_(std::move(decay_turns)),
      rule_(update_rule(options)) {
  rule_.decay_turns = decay_turns_;
  for (const State& s : state()) {
    buffers_.push_back(s.values);
    mirrors_.emplace_back(device, s.values);
  }
}

void Optimizer::update(std::span<float> values, std::span<float> gradients, int64_t step, double rate,
                       float gradient_scale) {
  if (device_) return device_->update(values, gradients, buffers_, rule_, step, rate, gradient_scale);
  if (auto* adam = std::get_if<Adam>(&optimizer_)) return adam->update(values, gradients, step, rate, gradient_scale);
  std::get<Nesterov>(optimizer_).update(values, gradients, rate, gradient_scale);
}

void Optimizer::clipped_update(std::span<float> values, std::span<float> gradients, int64_t step, double rate,
                               double clip_norm) {
  device_->clipped_update(values, gradients, buffers_, rule_, step, rate, clip_norm);
}

std::vector<Optimizer::State> Optimizer::state() const {
  if (const auto* adam = std::get_if<Adam>(&optimizer_)) return {{"adam.m", adam->first()}, {"adam.v", adam->second()}};
  return {{"nesterov.m", std::get<Nesterov>(optimizer_).momentum()}};
}

void Optimizer::download() const {
  for (const Mirror& m : mirrors_) m.download();
}

void Optimizer::upload() const {
  for (const Mirror& m : mirrors_) m.upload();
}

}  // namespace storm
