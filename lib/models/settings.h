// Reads typed settings from a configuration; an error names the setting as a user writes it.
#pragma once

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"

namespace storm {

class Settings {
 public:
  explicit Settings(const nlohmann::json& config) : config_(config) {}

  int64_t whole(const std::string& key, int64_t least, int64_t most) const {
    const auto& v = at(key);
    if (!v.is_number_integer() || v.get<int64_t>() < least || v.get<int64_t>() > most)
      throw UsageError(str(flag(key), ": ", shown(v), " is not a whole number from ", least, " to ", most));
    return v.get<int64_t>();
  }
  // In [least, most); a rate of 1 would drop everything.
  float real(const std::string& key, double least, double most) const {
    const auto& v = at(key);
    if (!v.is_number() || !(v.get<double>() >= least && v.get<double>() < most))
      throw UsageError(
          str(flag(key), ": ", shown(v), " is not a number from ", least, " up to (not including) ", most));
    return v.get<float>();
  }
  // The place of the value among the words.
  std::size_t choice(const std::string& key, const std::vector<std::string>& words) const {
    const auto& v = at(key);
    std::string list;
    for (std::size_t i = 0; i < words.size(); ++i) {
      if (v.is_string() && v.get<std::string>() == words[i]) return i;
      list += (i ? ", " : "") + words[i];
    }
    throw UsageError(str(flag(key), ": ", shown(v), " is none of ", list));
  }

  const nlohmann::json& at(const std::string& key) const {
    require(config_.contains(key), "configuration: \"", key, "\" is missing");
    return config_.at(key);
  }

 private:
  // A value as JSON; bytes that are no UTF-8 stand as replacement characters.
  static std::string shown(const nlohmann::json& v) {
    return v.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
  static std::string flag(std::string key) {
    for (char& c : key)
      if (c == '_') c = '-';
    return "--" + key;
  }
  const nlohmann::json& config_;
};

}  // namespace storm
