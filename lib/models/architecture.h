// The architectures by name, with their settings and presets, so that a tool can offer them as flags without knowing
// any of them. A configuration is a flat JSON object: "arch", the settings with underscores for hyphens,
// "source_vocab_size" and "target_vocab_size".
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "models/model.h"

namespace storm {

struct Setting {
  std::string flag;    // "d-model"
  std::string value;   // what its value is called in a tool's help: "N", "RATE", "pre|post"
  std::string preset;  // the default, as text; a number where the value is one
  std::string help;
};

struct Preset {
  std::string name;
  std::vector<std::pair<std::string, std::string>> settings;  // flag, value
};

struct Architecture {
  std::string name;
  std::vector<Setting> settings;
  std::vector<Preset> presets;  // of names that no other architecture has
  std::string preset;           // the one that is taken when none is named
  // Throws UsageError for settings that do not fit together. The parameters are zero.
  std::unique_ptr<Model> (*make)(const nlohmann::json& config);
  double clip_norm = 0;  // what training scales longer gradients down to, unless it is told otherwise; 0: off
};

std::span<const Architecture* const> architectures();
const Architecture& architecture(std::string_view name);              // throws UsageError that lists the names
const Architecture& architecture_of_preset(std::string_view preset);  // the same with the presets

// The configuration of a preset with some settings (flag, value) replaced. Throws UsageError for an unknown preset or
// setting.
nlohmann::json make_config(const Architecture& architecture, std::string_view preset,
                           std::span<const std::pair<std::string, std::string>> settings, int64_t source_vocabulary,
                           int64_t target_vocabulary);

// From a configuration as a model file has it.
std::unique_ptr<Model> make_model(const nlohmann::json& config);

}  // namespace storm
