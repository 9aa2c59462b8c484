// What the updates of a training follow from, beside the model and the data: its settings, each of them one row of a
// table that the flags of train, their ranges and help, and the checkpoint's JSON are made of.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>

#include "base/settings.h"
#include "data/batch.h"
#include "data/text_source.h"
#include "tensor/device.h"
#include "tensor/product_precision.h"
#include "train/optimizer.h"
#include "train/schedule.h"

namespace storm {

struct TrainSettings {
  int64_t max_tokens = 4096;  // of a batch, on its larger side, EOS included
  int64_t micro_batch = 0;    // as much of it is run at once, to spare memory; 0: the whole batch
  int64_t accumulate = 1;     // batches of an update
  TextSettings text;
  Schedule schedule;
  OptimizerOptions optimizer;
  double clip_norm = 0;  // 0: off
  double label_smoothing = 0.1;
  int64_t accumulate_warmup = 0;  // updates in which their batches become as many from one on
  double switch_out = 0;          // of rows of which some ids are others (data/switched_rows.h); 0: off
  double word_dropout = 0;        // of ids that a model is fed (word_dropout.h)
  double bpe_dropout = 0;         // of rows that are cut anew each epoch (tasks/recut_rows.h); 0: off
  double r_drop = 0;              // LossOptions' (ops/cross_entropy.h); 0: off
  double ema = 0;                 // the decay of the mean of the weights (weight_average.h); 0: off
  ProductPrecision precision = ProductPrecision::f32;  // of training's matrix products; validation's are f32
  uint64_t seed = 1;
  int64_t threads = 1;
  std::string device = "cpu";  // or a device's name: what other bits would come from

  // Batches of the update that comes after so many.
  int64_t batches_after(int64_t step) const {
    return step < accumulate_warmup ? 1 + (accumulate - 1) * step / accumulate_warmup : accumulate;
  }
  int64_t passes() const { return r_drop > 0 ? 2 : 1; }  // of each batch, run at once
  int64_t tokens_at_once() const { return micro_batch > 0 ? micro_batch : max_tokens; }
};

struct TrainSetting {
  Setting setting;         // as a user writes it; no flag: a checkpoint alone has it
  std::string key;         // in a checkpoint's JSON
  bool automatic = false;  // the flag's value may be "auto", which is resolved by the model and the data
  nlohmann::json older;    // what it was in checkpoints that lack it; null: all have it
  std::function<nlohmann::json(const TrainSettings&)> get;
  // Throws UsageError for a value of another kind or out of its range.
  std::function<void(TrainSettings&, const nlohmann::json&)> set;
};

std::span<const TrainSetting> train_settings();

// "cpu", or what the device is, whichever of several alike.
std::string device_name(const Device* device);
ProductPrecision precision_from_name(const std::string& name);  // those of training; throws UsageError

nlohmann::json to_json(const TrainSettings& settings);
// Throws nlohmann's exceptions for what is missing, and UsageError for what no flag can ask for: a sign of damage.
TrainSettings settings_from(const nlohmann::json& json);

}  // namespace storm
