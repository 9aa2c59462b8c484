#include "exchange/sentence_transformers.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "exchange/config_values.h"
#include "exchange/family.h"

namespace storm {

namespace {

constexpr int64_t kSpecial = 2;  // [CLS] and [SEP] of a text's tokens
constexpr const char* kModules = "modules.json";
constexpr const char* kLength = "sentence_bert_config.json";

constexpr std::pair<const char*, const char*> kPools[]{{"pooling_mode_cls_token", "cls"},
                                                       {"pooling_mode_mean_tokens", "mean"},
                                                       {"pooling_mode_max_tokens", "max"},
                                                       {"pooling_mode_lasttoken", "last"}};

std::string pool_of(const Folder& folder, const std::string& name) {
  const auto json = folder.json(name);
  JsonFields c(json, folder.path_of(name));
  for (const char* mode : {"pooling_mode_mean_sqrt_len_tokens", "pooling_mode_weightedmean_tokens"})
    c.only(mode, false);
  std::string pool;
  for (const auto& [theirs, ours] : kPools) {
    if (!c.on(theirs, false)) continue;
    if (!pool.empty()) c.fail_at(theirs, "several poolings at once are not supported");
    pool = ours;
  }
  require(!pool.empty(), folder.path_of(name), ": names no pooling");
  return pool;
}

void set_modules(nlohmann::json& flags, const Folder& folder) {
  const auto where = folder.path_of(kModules);
  const auto modules = parse_json(folder.text(kModules), where);
  require(modules.is_array(), where, ": no list");
  std::size_t number = 0;
  for (const auto& module : modules) {
    JsonFields fields(module, str(where, "[", number, "]"));
    const auto type = fields.text("type"), path = fields.text("path", "");
    const auto name = type.substr(type.rfind('.') + 1);  // all of it, where it has no dot
    if (!type.starts_with("sentence_transformers.")) fields.fail_at("type", "'", type, "' is code of the folder's own");
    if (fields.has("kwargs") && !fields.any("kwargs").empty()) fields.fail_at("kwargs", "not supported");
    require(path.find("..") == path.npos && !path.starts_with('/'), where, ": '", path, "' is not in the folder");
    if (number++ == 0) {
      if (name != "Transformer" || !path.empty())
        fields.fail_at("type", type, ": the first module must be a Transformer in the folder itself");
    } else if (name == "Pooling" && !flags.contains("pool")) {
      flags["pool"] = pool_of(folder, path + "/config.json");
    } else if (name == "Normalize" && flags.contains("pool")) {
      flags["normalize"] = "yes";
    } else {
      fields.fail_at("type", type, " is not supported here, only Transformer, Pooling and Normalize in this order");
    }
  }
}

}  // namespace

void set_sentence_flags(nlohmann::json& config, const Folder& folder) {
  auto& defaults = config[kDefaultsKey];
  int64_t longest = config.at("max_positions").get<int64_t>();
  const auto limit = [&](const char* name, const char* key) {
    const auto json = folder.json_if_there(name);
    JsonFields fields(json, folder.path_of(name));
    // transformers writes a number above 10^30 where a tokenizer has no limit.
    if (fields.has(key) && !(fields.any(key).is_number() && fields.any(key).get<double>() > 1e9))
      longest = std::min(longest, size_from(fields, key, longest));
  };
  if (folder.has(kModules)) {
    auto& flags = defaults["embed"] = nlohmann::json::object();
    set_modules(flags, folder);
    const auto json = folder.json_if_there(kLength);
    JsonFields fields(json, folder.path_of(kLength));
    fields.only("do_lower_case", false);
    for (const char* key : {"tokenizer_args", "model_args", "config_args", "truncate_dim"})
      if (fields.has(key) && (fields.any(key).is_primitive() || !fields.any(key).empty()))
        fields.fail_at(key, "not supported");
    const auto more = folder.json_if_there("config_sentence_transformers.json");
    JsonFields(more, folder.path_of("config_sentence_transformers.json")).only("default_prompt_name", nullptr);
    limit(kLength, "max_seq_length");
  }
  limit("tokenizer_config.json", "model_max_length");
  defaults["tokenize"]["max-length"] = std::max<int64_t>(longest - kSpecial, 1);
}

int64_t longest_text(const nlohmann::json& config) {
  const auto positions = config.at("max_positions").get<int64_t>();
  return flags_of(config, "tokenize").value("max-length", positions - kSpecial) + kSpecial;
}

void add_sentence_files(std::map<std::string, std::string>& texts, const nlohmann::json& config) {
  const auto flags = flags_of(config, "embed");
  const auto pool = flags.value("pool", "");
  if (pool.empty()) return;
  const auto module = [](int64_t number, const char* path, const char* name) {
    return nlohmann::json{{"idx", number},
                          {"name", std::to_string(number)},
                          {"path", path},
                          {"type", str("sentence_transformers.models.", name)}};
  };
  auto modules = nlohmann::json::array({module(0, "", "Transformer"), module(1, "1_Pooling", "Pooling")});
  if (flags.value("normalize", "no") == "yes") modules.push_back(module(2, "2_Normalize", "Normalize"));
  nlohmann::json pooling{{"word_embedding_dimension", config.at("d_model")}};
  for (const auto& [theirs, ours] : kPools) pooling[theirs] = pool == ours;
  texts[kModules] = json_text(modules);
  texts["1_Pooling/config.json"] = json_text(pooling);
  texts[kLength] = json_text({{"max_seq_length", longest_text(config)}, {"do_lower_case", false}});
  texts["config_sentence_transformers.json"] = json_text({{"similarity_fn_name", "cosine"}});
}

}  // namespace storm
