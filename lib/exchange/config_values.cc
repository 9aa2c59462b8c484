#include "exchange/config_values.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "base/split.h"

namespace storm {

namespace {

// Of several names of theirs for one of ours, the first is written.
constexpr std::pair<const char*, const char*> kActivations[]{
    {"relu", "relu"},          {"gelu", "gelu"},           {"gelu_python", "gelu"},
    {"gelu_new", "gelu-tanh"}, {"gelu_fast", "gelu-tanh"}, {"gelu_pytorch_tanh", "gelu-tanh"},
    {"swish", "swish"},        {"silu", "swish"}};

}  // namespace

void refuse_foreign_settings(JsonFields& config) {
  if (config.has("auto_map")) config.fail_at("auto_map", "the folder has code of its own, which STORM does not run");
  if (config.has("quantization_config")) config.fail_at("quantization_config", "quantised weights are not supported");
  if (config.has("pruned_heads") && !config.any("pruned_heads").empty())
    config.fail_at("pruned_heads", "layers with fewer heads than others are not supported");
  config.only("add_cross_attention", false);
  config.only("position_embedding_type", "absolute");
}

void refuse_other_heads(const Folder& folder, std::initializer_list<std::string_view> known) {
  auto config = folder.fields();
  if (!config.has("architectures")) return;
  const auto& names = config.any("architectures");
  if (!names.is_array()) config.fail_at("architectures", "no list");
  for (const auto& name : names)
    if (!name.is_string() || std::ranges::find(known, name.get<std::string>()) == known.end())
      config.fail_at("architectures", name.dump(), " has a head that STORM has no task for; known are ",
                     joined(std::vector<std::string>(known.begin(), known.end())));
}

std::string activation_from(JsonFields& config, const std::string& key, const std::string& otherwise) {
  const auto name = config.text(key, otherwise);
  std::string known;
  for (const auto& [theirs, ours] : kActivations) {
    if (name == theirs) return ours;
    known += str(known.empty() ? "" : ", ", theirs);
  }
  config.fail_at(key, "'", name, "' is not supported, only ", known);
}

std::string their_activation(const nlohmann::json& ours) {
  for (const auto& [theirs, mine] : kActivations)
    if (ours == mine) return theirs;
  throw UsageError(str("--activation: ", ours.dump(), " is none that transformers has"));
}

int64_t size_from(JsonFields& config, const std::string& key, int64_t otherwise) {
  const int64_t size = config.integer(key, otherwise);
  if (size < 1 || size > INT32_MAX) config.fail_at(key, size, " is no size");
  return size;
}

nlohmann::json number_from(JsonFields& config, const std::string& key, double otherwise) {
  if (!config.has(key)) return otherwise;
  if (!config.any(key).is_number()) config.fail_at(key, "no number");
  return config.any(key);
}

void require_same(const JsonFields& config, const std::string& a, int64_t of_a, const std::string& b, int64_t of_b) {
  if (of_a != of_b) config.fail_at(a, of_a, " where ", b, " is ", of_b, "; STORM has one setting for both");
}

}  // namespace storm
