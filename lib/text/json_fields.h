// A JSON document that somebody else wrote, read without passing anything over.
#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace storm {

// Parses a document. Throws Error for what is no JSON, is nested deeper than 32 levels, or
// names a key twice in one object. left_out: of the outermost object, a long value that nobody wants.
nlohmann::json parse_json(std::string_view text, std::string_view name, std::string_view left_out = {});

// An object whose every field somebody must ask for: done() throws Error for one that nobody did.
class JsonFields {
 public:
  // where: "tokenizer.json: model", for errors. Throws Error for what is no object.
  JsonFields(const nlohmann::json& object, std::string where);

  bool has(const std::string& key);  // and it is not null
  // Throw Error where the field is of another type, or not there and nothing is said to stand for it.
  const nlohmann::json& any(const std::string& key);
  std::string text(const std::string& key);
  std::string text(const std::string& key, const std::string& otherwise);
  bool on(const std::string& key, bool otherwise);
  int64_t integer(const std::string& key, int64_t otherwise);
  JsonFields object(const std::string& key);
  void ignore(const std::string& key) { asked_.insert(key); }
  // Throws Error unless the field is absent, null, or this value: others would change what comes out.
  void only(const std::string& key, const nlohmann::json& value);
  void must(const std::string& key, const nlohmann::json& value);  // the same, and it is there
  void done() const;

  const std::string& where() const { return where_; }
  template <class... Parts>
  [[noreturn]] void fail_at(const std::string& key, const Parts&... parts) const {
    fail(where_, ".", key, ": ", parts...);
  }

 private:
  const nlohmann::json* object_;
  std::string where_;
  std::set<std::string> asked_;
};

}  // namespace storm
