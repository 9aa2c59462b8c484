// The architectures by name, with their settings and presets, so that a tool can offer them as flags without knowing
// any of them. A configuration is a flat JSON object: "arch", the settings with underscores for hyphens, and the sizes
// of the vocabularies.
#pragma once

#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/settings.h"
#include "models/model.h"

namespace storm {

struct Preset {
  std::string name;
  std::vector<std::pair<std::string, std::string>> settings;  // flag, value
};

struct Architecture {
  std::string name;
  std::vector<Setting> settings;
  std::vector<Preset> presets;  // of names that no other architecture has
  std::string preset;           // the one that is taken when none is named
  // The configuration's entries that say how large each column's vocabulary is, in the order of the task's columns.
  std::vector<std::string> vocabularies;
  std::string task;  // what it is trained for, unless another one is named (tasks/task.h)
  // Throws UsageError for settings that do not fit together. The parameters are zero.
  std::unique_ptr<Model> (*make)(const nlohmann::json& config);
  std::map<std::string, double> training = {};  // what it sets of training's settings unless the user does: "clip_norm"
  std::string pool = "mean";  // how a head makes one vector of a text unless the user says: pooler, last, mean
  // Makes a configuration that of the encoder alone, which a task's head is put on; null: it is that already.
  void (*encoder_alone)(nlohmann::json& config) = nullptr;
};

// Entries of a configuration that are no architecture's. Flags by tool, {"decode": {"beam": 4}}, which its model sets
// unless the user does; and the id that a decoder is fed first, where that is not BOS.
constexpr const char* kDefaultsKey = "defaults";
constexpr const char* kDecoderStartKey = "decoder_start";

// The object of a configuration's flags of a tool; empty where it sets none. Throws Error for what is no object.
nlohmann::json flags_of(const nlohmann::json& config, const std::string& tool);

// What kDecoderStartKey says, or otherwise where there is none. Throws Error for what is no id below pieces.
int32_t decoder_start_of(const nlohmann::json& config, int32_t otherwise, int64_t pieces);

std::span<const Architecture* const> architectures();
const Architecture& architecture(std::string_view name);              // throws UsageError that lists the names
const Architecture& architecture_of_preset(std::string_view preset);  // the same with the presets

// The configuration of a preset with some settings (flag, value) replaced. Throws UsageError for an unknown preset or
// setting.
nlohmann::json make_config(const Architecture& architecture, std::string_view preset,
                           std::span<const std::pair<std::string, std::string>> settings,
                           const std::vector<int64_t>& vocabularies);

// The name of the task that a model with this configuration is for.
std::string task_of(const nlohmann::json& config);

// From a configuration as a model file has it.
std::unique_ptr<Model> make_model(const nlohmann::json& config);

}  // namespace storm
