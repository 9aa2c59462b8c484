// A model's folder as the Hugging Face hub has it: config.json, weights, the files of its tokenizer.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "exchange/weights.h"
#include "text/json_fields.h"

namespace storm {

std::string file_in(const std::string& folder, const std::string& name);  // "folder/name"
// Whether a folder has an entry of this name, be it a link that leads nowhere. Throws Error for one that is no regular
// file: reading a pipe would wait without end.
bool has_file(const std::string& path);
std::string read_text_file(const std::string& path);  // whole; throws Error, also above 1 GiB

// The object of config.json for what a configuration here says and theirs has no room for; transformers keeps it and
// passes it over.
constexpr const char* kOwnKey = "storm";

class Folder {
 public:
  // task: what a head is for, as if config.json said so under kOwnKey; "": it says. Throws Error where it is no folder,
  // has no config.json, or no weights (exchange/weights.h).
  explicit Folder(const std::string& path, const std::string& task = "");

  bool has(const std::string& name) const;
  std::string path_of(const std::string& name) const { return file_in(path_, name); }
  std::string text(const std::string& name) const;  // throws Error that names a missing file
  // A file that is an object of JSON; an empty one where it is not there and need not be.
  nlohmann::json json(const std::string& name) const;
  nlohmann::json json_if_there(const std::string& name) const;

  const std::string& path() const { return path_; }
  const nlohmann::json& config() const { return config_; }
  // The configuration's fields, for a family to read.
  JsonFields fields() const { return {config_, path_of("config.json")}; }
  Weights& weights() { return weights_; }

 private:
  std::string path_;
  nlohmann::json config_;
  Weights weights_;
};

}  // namespace storm
