// What decides the bits of a run, beside the model, the data and the machine. Kept in the checkpoint, with every value
// that was "auto" resolved, so that a resumed run goes on as it began.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "tensor/device.h"
#include "tensor/product_precision.h"
#include "train/optimizer.h"
#include "train/schedule.h"

namespace storm {

// The most that flags and files may say: at 1, Adam's and Nesterov's formulas and the smoothed labels divide by zero.
inline constexpr double kMostDecay = 0.999999;   // of beta1, beta2 and momentum
inline constexpr double kMostSmoothing = 0.999;  // of label_smoothing

struct TrainSettings {
  int64_t max_tokens = 4096;  // of a batch, on its larger side, EOS included
  int64_t micro_batch = 0;    // as much of it is run at once, to spare memory; 0: the whole batch
  int64_t accumulate = 1;     // batches of an update
  Schedule schedule;
  OptimizerOptions optimizer;
  double clip_norm = 0;  // 0: off
  double label_smoothing = 0.1;
  ProductPrecision precision = ProductPrecision::f32;  // of training's matrix products; validation's are f32
  uint64_t seed = 1;
  int64_t threads = 1;
  std::string device = "cpu";  // or a device's name: what other bits would come from

  int64_t tokens_at_once() const { return micro_batch > 0 ? micro_batch : max_tokens; }
};

// "cpu", or what the device is, whichever of several alike.
std::string device_name(const Device* device);
ProductPrecision precision_from_name(const std::string& name);  // those of training; throws UsageError

nlohmann::json to_json(const TrainSettings& settings);
TrainSettings settings_from(const nlohmann::json& json);  // throws nlohmann's exceptions for what is missing
bool in_range(const TrainSettings& settings);             // what no flag can ask for is a sign of damage

}  // namespace storm
