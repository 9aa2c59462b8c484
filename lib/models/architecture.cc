#include "models/architecture.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/named.h"
#include "models/bert/config.h"
#include "models/convs2s/config.h"
#include "models/elmo/config.h"
#include "models/gpt/config.h"
#include "models/rnn/config.h"
#include "models/rnn_lm/config.h"
#include "models/transformer/config.h"

namespace storm {

namespace {

// An architecture is added by its line here.
const Architecture* const kArchitectures[] = {
    &transformer_architecture(), &rnn_architecture(),  &convs2s_architecture(), &gpt_architecture(),
    &rnn_lm_architecture(),      &bert_architecture(), &elmo_architecture()};

nlohmann::json defaults(const Architecture& arch) {
  nlohmann::json config{{"arch", arch.name}};
  for (const auto& s : arch.settings) config[key_of_flag(s.flag)] = typed_setting(s.preset);
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

nlohmann::json flags_of(const nlohmann::json& config, const std::string& tool) {
  auto flags = nlohmann::json::object();
  if (const auto all = config.find(kDefaultsKey); all != config.end()) {
    require(all->is_object(), "configuration: \"", kDefaultsKey, "\" is no object of tools");
    if (const auto own = all->find(tool); own != all->end()) flags = *own;
  }
  require(flags.is_object(), "configuration: its flags of ", tool, " are no object");
  for (const auto& [flag, value] : flags.items())
    require(value.is_string() || value.is_number() ||
                (value.is_array() && std::ranges::all_of(value, [](const auto& one) { return one.is_string(); })),
            "configuration: --", flag, " of ", tool, " has a value of another kind than flags have");
  return flags;
}

int32_t decoder_start_of(const nlohmann::json& config, int32_t otherwise, int64_t pieces) {
  const auto start = config.find(kDecoderStartKey);
  if (start == config.end()) return otherwise;
  require(start->is_number_integer() && *start >= 0 && *start < pieces, "configuration: \"", kDecoderStartKey,
          "\" is no id of the vocabulary");
  return start->get<int32_t>();
}

std::span<const Architecture* const> architectures() { return kArchitectures; }

const Architecture& architecture(std::string_view name) { return named_entry(kArchitectures, name, "architecture"); }

const Architecture& architecture_of_preset(std::string_view preset) {
  std::string names;
  for (const auto* a : kArchitectures) {
    if (find_preset(*a, preset)) return *a;
    names += (names.empty() ? "" : ", ") + preset_names(*a);
  }
  throw UsageError(str("--preset: '", preset, "' is none of ", names));
}

nlohmann::json make_config(const Architecture& arch, std::string_view preset,
                           std::span<const std::pair<std::string, std::string>> settings,
                           const std::vector<int64_t>& vocabularies) {
  nlohmann::json config = defaults(arch);
  const Preset* found = find_preset(arch, preset);
  if (!found) throw UsageError(str("--preset: '", preset, "' is none of ", arch.name, "'s ", preset_names(arch)));
  for (const auto& [flag, value] : found->settings) config[key_of_flag(flag)] = typed_setting(value);
  for (const auto& [flag, value] : settings) {
    if (!config.contains(key_of_flag(flag))) throw UsageError(str(arch.name, " has no setting --", flag));
    config[key_of_flag(flag)] = typed_setting(value);
  }
  if (vocabularies.size() != arch.vocabularies.size())
    throw UsageError(str("a model of the architecture ", arch.name, " reads ", arch.vocabularies.size(),
                         " columns, and the task has ", vocabularies.size(), "; it is made for ", arch.task));
  for (std::size_t i = 0; i < vocabularies.size(); ++i) config[arch.vocabularies[i]] = vocabularies[i];
  return config;
}

std::string task_of(const nlohmann::json& config) {
  if (!config.contains("task")) return architecture(config.at("arch").get<std::string>()).task;
  require(config.at("task").is_string(), "configuration: \"task\" is ", config.at("task").dump(), ", not a name");
  return config.at("task").get<std::string>();
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
