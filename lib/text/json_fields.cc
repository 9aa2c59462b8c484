#include "text/json_fields.h"

#include <unordered_set>

namespace storm {

using Json = nlohmann::json;

Json parse_json(std::string_view text, std::string_view name) {
  constexpr int kDeepest = 32;
  std::vector<std::unordered_set<std::string>> keys;  // of each object that is open
  const auto check = [&](int depth, Json::parse_event_t event, Json& value) {
    require(depth <= kDeepest, name, ": nested deeper than ", kDeepest, " levels");
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key)
      require(keys.back().insert(value.get<std::string>()).second, name, ": ",
              value.dump(-1, ' ', false, Json::error_handler_t::replace), " is there twice");
    return true;
  };
  try {
    return Json::parse(text.begin(), text.end(), check);
  } catch (const Json::parse_error& e) {
    fail(name, ": byte ", e.byte, ": no JSON, or cut short");
  }
}

JsonFields::JsonFields(const Json& object, std::string where) : object_(&object), where_(std::move(where)) {
  require(object.is_object(), where_, ": no object");
}

bool JsonFields::has(const std::string& key) {
  asked_.insert(key);
  const auto it = object_->find(key);
  return it != object_->end() && !it->is_null();
}

const Json& JsonFields::any(const std::string& key) {
  if (!has(key)) fail_at(key, "missing");
  return *object_->find(key);
}

std::string JsonFields::text(const std::string& key) {
  const auto& value = any(key);
  if (!value.is_string()) fail_at(key, "no string");
  return value.get<std::string>();
}

std::string JsonFields::text(const std::string& key, const std::string& otherwise) {
  return has(key) ? text(key) : otherwise;
}

bool JsonFields::on(const std::string& key, bool otherwise) {
  if (!has(key)) return otherwise;
  if (!any(key).is_boolean()) fail_at(key, "neither true nor false");
  return any(key).get<bool>();
}

int64_t JsonFields::integer(const std::string& key, int64_t otherwise) {
  if (!has(key)) return otherwise;
  if (!any(key).is_number_integer()) fail_at(key, "no whole number");
  return any(key).get<int64_t>();
}

JsonFields JsonFields::object(const std::string& key) { return {any(key), where_ + "." + key}; }

void JsonFields::only(const std::string& key, const Json& value) {
  if (has(key) && any(key) != value)
    fail_at(key, any(key).dump(-1, ' ', false, Json::error_handler_t::replace).substr(0, 100),
            " is not supported, only ", value.dump());
}

void JsonFields::done() const {
  for (const auto& [key, value] : object_->items())
    require(asked_.contains(key) || value.is_null(), where_, ".", key, ": not supported");
}

}  // namespace storm
