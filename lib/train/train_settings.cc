#include "train/train_settings.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "data/batch.h"
#include "train/json_entry.h"

namespace storm {

std::string device_name(const Device* device) {
  if (!device) return "cpu";
  auto name = device->description();  // "NVIDIA H200 (cuda:0), ...": the number says nothing of the bits
  const auto from = name.find(" ("), to = name.find(')', from);
  return to == name.npos ? name : name.erase(from, to + 1 - from);
}

ProductPrecision precision_from_name(const std::string& text) {
  const auto precision = product_precision_named(text);
  if (precision && *precision != ProductPrecision::f16) return *precision;
  throw UsageError(
      str("--precision: '", text, "' is none of f32, tf32, bf16", precision ? "; f16 is for decoding" : ""));
}

nlohmann::json to_json(const TrainSettings& s) {
  return {{"max_tokens", s.max_tokens},
          {"micro_batch", s.micro_batch},
          {"accumulate", s.accumulate},
          {"schedule", schedule_name(s.schedule.kind)},
          {"lr", s.schedule.peak},
          {"warmup", s.schedule.warmup},
          {"schedule_steps", s.schedule.steps},
          {"optimizer", optimizer_name(s.optimizer.kind)},
          {"beta1", s.optimizer.adam.beta1},
          {"beta2", s.optimizer.adam.beta2},
          {"epsilon", s.optimizer.adam.epsilon},
          {"momentum", s.optimizer.nesterov.momentum},
          {"weight_decay", s.optimizer.adam.weight_decay},
          {"decay_vectors", s.optimizer.decay_vectors},
          {"clip_norm", s.clip_norm},
          {"label_smoothing", s.label_smoothing},
          {"precision", name(s.precision)},
          {"seed", s.seed},
          {"threads", s.threads},
          {"device", s.device}};
}

TrainSettings settings_from(const nlohmann::json& j) {
  TrainSettings s;
  read_entry(j, "max_tokens", s.max_tokens);
  read_entry(j, "accumulate", s.accumulate);
  s.schedule.kind = schedule_from_name(j.at("schedule").get<std::string>());
  read_entry(j, "lr", s.schedule.peak);
  read_entry(j, "warmup", s.schedule.warmup);
  read_entry(j, "schedule_steps", s.schedule.steps);
  // A checkpoint of before there was a choice has none of these.
  read_newer_entry(j, "micro_batch", s.micro_batch);
  s.precision = precision_from_name(j.value("precision", "f32"));
  read_newer_entry(j, "device", s.device);
  s.optimizer.kind = optimizer_from_name(j.value("optimizer", "adam"));
  s.optimizer.decay_vectors = j.value("decay_vectors", true);
  read_newer_entry(j, "momentum", s.optimizer.nesterov.momentum);
  read_entry(j, "beta1", s.optimizer.adam.beta1);
  read_entry(j, "beta2", s.optimizer.adam.beta2);
  read_entry(j, "epsilon", s.optimizer.adam.epsilon);
  read_entry(j, "weight_decay", s.optimizer.adam.weight_decay);
  s.optimizer.nesterov.weight_decay = s.optimizer.adam.weight_decay;
  read_entry(j, "clip_norm", s.clip_norm);
  read_entry(j, "label_smoothing", s.label_smoothing);
  read_entry(j, "seed", s.seed);
  read_entry(j, "threads", s.threads);
  return s;
}

bool in_range(const TrainSettings& s) {
  const auto within = [](auto x, double low, double high) {
    return static_cast<double>(x) >= low && static_cast<double>(x) <= high;
  };
  const auto& adam = s.optimizer.adam;
  return within(s.max_tokens, 1, kMostTokens) && within(s.micro_batch, 0, static_cast<double>(s.max_tokens)) &&
         within(s.accumulate, 1, 1 << 20) && within(s.schedule.peak, 0, 1e6) && s.schedule.warmup >= 0 &&
         s.schedule.steps >= 0 && within(adam.beta1, 0, kMostDecay) && within(adam.beta2, 0, kMostDecay) &&
         within(adam.epsilon, 0, 1) && within(adam.weight_decay, 0, 1e6) &&
         within(s.optimizer.nesterov.momentum, 0, kMostDecay) && within(s.clip_norm, 0, 1e9) &&
         within(s.label_smoothing, 0, kMostSmoothing) && s.threads >= 1;
}

}  // namespace storm
