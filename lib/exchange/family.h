// A family of models from elsewhere: one file, whose line stands in families.cc. It says how config.json and a
// configuration of STORM's become each other, which tensor is which parameter, and what the tokenizer's files are.
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exchange/folder.h"
#include "exchange/tensor_rows.h"
#include "models/architecture.h"
#include "text/vocabulary.h"

namespace storm {

using Vocabularies = std::map<std::string, Vocabulary>;        // "vocab", or "vocab.NAME" of each column
const Vocabulary& of_texts(const Vocabularies& vocabularies);  // not of their labels, of a model that reads one

// What export writes beside the weights.
struct FolderFiles {
  nlohmann::json config;                     // config.json, but for what every family has
  std::map<std::string, std::string> texts;  // the others by name: tokenizer.json, generation_config.json
  std::string prefix = {};                   // of the tensors that have one
};

using Values = std::function<std::vector<float>(const std::string& parameter)>;

struct Family {
  std::string model_type;    // in config.json
  std::string architecture;  // ours

  // config.json, and what else in the folder decides results, as a configuration with the flags that it sets
  // (kDefaultsKey). Throws Error for what STORM does not do, naming it.
  nlohmann::json (*config)(Folder& folder);
  // Of a model of this configuration; read once: large ones take a while.
  Vocabularies (*vocabularies)(const Folder& folder, const nlohmann::json& config);
  // Rows for each parameter of a model of this configuration.
  std::vector<TensorRow> (*rows)(const nlohmann::json& config);
  // Of a tensor that no row asks for (name: without the prefix): the one that it is tied to, whose numbers it must
  // have;
  // "": it says nothing of its own; none: it is none of the family's.
  std::optional<std::string> (*twin)(std::string_view name, const nlohmann::json& config);

  // The reverse. Throws UsageError that names a setting for which theirs has no room. A note says what is lost.
  FolderFiles (*files)(const nlohmann::json& config, const Vocabularies& vocabularies);
  // Warns of what other programs make of the folder; values: a parameter's, by name.
  void (*warn_of)(const nlohmann::json& theirs, const nlohmann::json& ours, const Values& values) = nullptr;
  // Of a model that generates: adds what generation_config.json says, in pieces of the vocabularies.
  void (*add_decoding)(Folder& folder, const Vocabularies& vocabularies, nlohmann::json& config) = nullptr;
  std::vector<std::string> prefixes{""};  // that tensors may have
  // Which of them the modules of the class have that a model of this configuration is; null: no adapter's file is
  // known.
  std::string (*prefix)(const nlohmann::json& config) = nullptr;
  // Where the two sides order things differently.
  Orders (*orders)(const nlohmann::json& theirs, const nlohmann::json& ours) = nullptr;
};

nlohmann::json own_settings(const nlohmann::json& config);  // of config.json; empty: there are none

// Sets decode's; none: the configuration stays without.
void set_decode_flags(nlohmann::json& config, nlohmann::json flags);
std::string json_text(const nlohmann::json& json);  // as the files of a folder have it

const Family& family_of_type(const std::string& model_type, const std::string& where);  // throws Error with those known
const Family& family_of_architecture(const std::string& architecture);                  // throws UsageError likewise

}  // namespace storm
