#include "text/json_fields.h"

#include <unordered_set>

namespace storm {

using Json = nlohmann::json;

namespace {

constexpr int kDeepest = 32;

// Says what is wrong with a document: its depth, keys that are there twice, or where it is no JSON.
class Check final : public nlohmann::json_sax<Json> {
 public:
  explicit Check(std::string_view name) : name_(name) {}
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(int64_t) override { return true; }
  bool number_unsigned(uint64_t) override { return true; }
  bool number_float(double, const std::string&) override { return true; }
  bool string(std::string&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return open(); }
  bool start_array(std::size_t) override { return open(); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(std::string& text) override {
    require(keys_.back().insert(text).second, name_, ": ",
            Json(text).dump(-1, ' ', false, Json::error_handler_t::replace), " is there twice");
    return true;
  }
  bool parse_error(std::size_t byte, const std::string&, const nlohmann::detail::exception& e) override {
    fail(name_, ": byte ", byte, e.id == 406 ? ": a number out of range" : ": no JSON, or cut short");
  }

 private:
  bool open() {
    keys_.emplace_back();
    require(keys_.size() <= std::size_t{kDeepest}, name_, ": nested deeper than ", kDeepest, " levels");
    return true;
  }
  bool close() {
    keys_.pop_back();
    return true;
  }

  std::string_view name_;
  std::vector<std::unordered_set<std::string>> keys_;  // of each object or list that is open
};

}  // namespace

Json parse_json(std::string_view text, std::string_view name, std::string_view left_out) {
  // One pass, for vocabularies are long: an object that holds fewer keys than it was given has one twice.
  std::vector<std::size_t> keys(kDeepest);  // of the open object at each depth
  bool good = true;
  auto json = Json::parse(
      text.begin(), text.end(),
      [&](int depth, Json::parse_event_t event, Json& parsed) {
        using Event = Json::parse_event_t;
        const auto at = static_cast<std::size_t>(depth);
        if (event == Event::key && depth == 1 && parsed == left_out) return false;
        if (event == Event::object_start || event == Event::array_start) good = good && depth < kDeepest;
        if (!good) return false;
        if (event == Event::object_start) keys[at] = 0;
        if (event == Event::key) ++keys[at - 1];
        if (event == Event::object_end) good = parsed.size() == keys[at];
        return good;
      },
      false);
  if (good && !json.is_discarded()) return json;
  Check check(name);
  Json::sax_parse(text.begin(), text.end(), &check);
  fail(name, ": no JSON");
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
  if (!has(key)) fail_at(key, object_->contains(key) ? "null is not supported" : "missing");
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

void JsonFields::must(const std::string& key, const Json& value) {
  any(key);
  only(key, value);
}

void JsonFields::done() const {
  for (const auto& [key, value] : object_->items())
    require(asked_.contains(key) || value.is_null(), where_, ".", key, ": not supported");
}

}  // namespace storm
