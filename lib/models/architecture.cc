#include "models/architecture.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/number.h"
#include "models/convs2s.h"
#include "models/rnn.h"
#include "models/transformer.h"

namespace storm {

namespace {

// An architecture is added by its line here.
const Architecture* const kArchitectures[] = {&transformer_architecture(), &rnn_architecture(),
                                              &convs2s_architecture()};

std::string key_of(std::string flag) {
  std::replace(flag.begin(), flag.end(), '-', '_');
  return flag;
}

// Numbers stay numbers: whole ones whole, so that a configuration reads as a person would write it.
nlohmann::json typed(const std::string& text) {
  if (const auto whole = parse_number<int64_t>(text)) return *whole;
  if (const auto real = parse_number<double>(text)) return *real;
  return text;
}

nlohmann::json defaults(const Architecture& arch) {
  nlohmann::json config{{"arch", arch.name}};
  for (const auto& s : arch.settings) config[key_of(s.flag)] = typed(s.preset);
  return config;
}

const Preset* find_preset(const Architecture& arch, std::string_view name) {
  const auto found =
      std::find_if(arch.presets.begin(), arch.presets.end(), [&](const auto& p) { return p.name == name; });
  return found == arch.presets.end() ? nullptr : &*found;
}

std::string preset_names(const Architecture& arch) {
  std::string names;
  for (const auto& p : arch.presets) names += (names.empty() ? "" : ", ") + p.name;
  return names;
}

}  // namespace

std::span<const Architecture* const> architectures() { return kArchitectures; }

const Architecture& architecture(std::string_view name) {
  std::string names;
  for (const auto* a : kArchitectures) {
    if (a->name == name) return *a;
    names += (names.empty() ? "" : ", ") + a->name;
  }
  throw UsageError(str("architecture '", name, "' is none of ", names));
}

const Architecture& architecture_of_preset(std::string_view preset) {
  std::string names;
  for (const auto* a : kArchitectures) {
    if (find_preset(*a, preset)) return *a;
    names += (names.empty() ? "" : ", ") + preset_names(*a);
  }
  throw UsageError(str("--preset: '", preset, "' is none of ", names));
}

nlohmann::json make_config(const Architecture& arch, std::string_view preset,
                           std::span<const std::pair<std::string, std::string>> settings, int64_t source_vocabulary,
                           int64_t target_vocabulary) {
  nlohmann::json config = defaults(arch);
  const Preset* found = find_preset(arch, preset);
  if (!found) throw UsageError(str("--preset: '", preset, "' is none of ", arch.name, "'s ", preset_names(arch)));
  for (const auto& [flag, value] : found->settings) config[key_of(flag)] = typed(value);
  for (const auto& [flag, value] : settings) {
    if (!config.contains(key_of(flag))) throw UsageError(str(arch.name, " has no setting --", flag));
    config[key_of(flag)] = typed(value);
  }
  config["source_vocab_size"] = source_vocabulary;
  config["target_vocab_size"] = target_vocabulary;
  return config;
}

std::unique_ptr<Model> make_model(const nlohmann::json& config) {
  require(config.is_object() && config.contains("arch") && config["arch"].is_string(),
          "configuration: names no architecture (\"arch\")");
  const Architecture& arch = architecture(config["arch"].get<std::string>());
  nlohmann::json full = defaults(arch);  // a setting that came later than the file has its default
  full.update(config);
  return arch.make(full);
}

}  // namespace storm
