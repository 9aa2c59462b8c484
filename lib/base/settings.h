// Settings as users write them, as flags, and as a JSON configuration keeps them.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace storm {

struct Setting {
  std::string flag;    // "d-model"
  std::string value;   // what its value is called in a tool's help: "N", "RATE", "pre|post"
  std::string preset;  // the default, as text; a number where the value is one
  std::string help;
};

// The flag "d-model" and the key "d_model" are one setting.
std::string key_of_flag(std::string flag);
std::string flag_of_key(std::string key);

// A setting's text as a configuration keeps it: numbers stay numbers, whole ones whole, so that it reads as a person
// would write it.
nlohmann::json typed_setting(const std::string& text);

// Reads typed settings from a configuration, which it borrows; an error names the setting as a user writes it.
class Settings {
 public:
  explicit Settings(const nlohmann::json& config) : config_(config) {}

  // All throw UsageError for a value that is out of range or of another kind, and Error where there is none.
  int64_t whole(const std::string& key, int64_t least, int64_t most) const;
  // In [least, most); a rate of 1 would drop everything.
  float real(const std::string& key, double least, double most) const;
  bool on(const std::string& key) const;  // "yes" or "no", or JSON's true and false
  // The place of the value among the words.
  std::size_t choice(const std::string& key, const std::vector<std::string>& words) const;
  bool contains(const std::string& key) const;
  const nlohmann::json& at(const std::string& key) const;

 private:
  const nlohmann::json& config_;
};

}  // namespace storm
