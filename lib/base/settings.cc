#include "base/settings.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/number.h"

namespace storm {

namespace {

// A value as JSON; bytes that are no UTF-8 stand as replacement characters.
std::string shown(const nlohmann::json& v) { return v.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace); }
std::string named(const std::string& key) { return "--" + flag_of_key(key); }

}  // namespace

std::string key_of_flag(std::string flag) {
  std::ranges::replace(flag, '-', '_');
  return flag;
}

std::string flag_of_key(std::string key) {
  std::ranges::replace(key, '_', '-');
  return key;
}

nlohmann::json typed_setting(const std::string& text) {
  if (const auto whole = parse_number<int64_t>(text)) return *whole;
  if (const auto real = parse_number<double>(text)) return *real;
  return text;
}

int64_t Settings::whole(const std::string& key, int64_t least, int64_t most) const {
  const auto& v = at(key);
  if (!v.is_number_integer() || v.get<int64_t>() < least || v.get<int64_t>() > most)
    throw UsageError(str(named(key), ": ", shown(v), " is not a whole number from ", least, " to ", most));
  return v.get<int64_t>();
}

float Settings::real(const std::string& key, double least, double most) const {
  const auto& v = at(key);
  if (!v.is_number() || !(v.get<double>() >= least && v.get<double>() < most))
    throw UsageError(str(named(key), ": ", shown(v), " is not a number from ", least, " up to (not including) ", most));
  return v.get<float>();
}

std::size_t Settings::choice(const std::string& key, const std::vector<std::string>& words) const {
  const auto& v = at(key);
  std::string list;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (v.is_string() && v.get<std::string>() == words[i]) return i;
    list += (i ? ", " : "") + words[i];
  }
  throw UsageError(str(named(key), ": ", shown(v), " is none of ", list));
}

bool Settings::on(const std::string& key) const {
  const auto& v = at(key);
  return v.is_boolean() ? v.get<bool>() : choice(key, {"no", "yes"}) == 1;
}

bool Settings::contains(const std::string& key) const { return config_.contains(key); }

const nlohmann::json& Settings::at(const std::string& key) const {
  require(config_.contains(key), "configuration: \"", key, "\" is missing");
  return config_.at(key);
}

}  // namespace storm
