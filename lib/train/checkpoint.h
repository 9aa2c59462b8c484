// A run's whole state in one file of kind "checkpoint": the model's document with the optimizer's buffers (F32
// [trained parameters, their padding included]: "adam.m" and "adam.v", or "nesterov.m"), the state that streams of text
// carry, where there is one (F32 [streams, width]: "train.carried"), the mean of the weights, where one is kept (F32,
// as the buffers: "train.ema"), and settings, state and the plan's flags as JSON in the metadata. Of a model that was
// adapted, the model's document is that of what is trained (models/adapted_model.h).
#pragma once

#include <map>
#include <string>

#include "models/adapted_model.h"
#include "train/optimizer.h"
#include "train/state.h"
#include "train/train_settings.h"

namespace storm {

constexpr const char* kSettingsKey = "train.settings";
constexpr const char* kStateKey = "train.state";
constexpr const char* kAverage = "train.ema";  // the mean of the weights, among the buffers
constexpr const char* kPlanKey = "train.plan";

using PlanFlags = std::map<std::string, std::string>;  // the flags of a run that no update hangs on, by name

// The file appears when it is complete and on the disk; before, and on failure, the old one stays.
// optimizer: its buffers, of all trained numbers, and the mean of the weights behind them.
void save_checkpoint(const std::string& path, const Model& model, std::span<const Optimizer::State> optimizer,
                     std::span<const float> carried, const TrainSettings& settings, const TrainState& state,
                     const PlanFlags& plan, const std::map<std::string, std::string>& vocabularies,
                     const std::string& command);

struct Checkpoint {
  LoadedModel loaded;
  TrainSettings settings;
  TrainState state;
  PlanFlags plan;     // none in a checkpoint of before they were kept
  Document document;  // holds the buffers until restore() copies them

  void restore(const Optimizer& optimizer) const;        // its buffers, of the ranges that it keeps
  void restore_carried(std::span<float> carried) const;  // [streams, width]
  void restore_average(std::span<float> mean) const;     // [trained parameters]
};
// base: the model that an adapted one was made of; null where there is none. Throws Error, also for a checkpoint that
// needs one.
Checkpoint load_checkpoint(const std::string& path, const LoadedModel* base = nullptr);

// The weights alone, as a model file; or what was trained alone, as an adapter's.
void save_model(const std::string& path, const Model& model, const std::map<std::string, std::string>& vocabularies,
                const TrainState& state, const std::string& command);
void save_adapter(const std::string& path, const Model& model, const std::map<std::string, std::string>& vocabularies,
                  const TrainState& state, const std::string& command);

}  // namespace storm
