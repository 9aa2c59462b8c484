// Entries of the JSON objects in a checkpoint. Inside lib/train only.
#pragma once

#include <nlohmann/json.hpp>
#include <type_traits>

#include "base/error.h"

namespace storm {

// Reads an entry that must be there. nlohmann converts any number to a whole one, which for 1e92 is undefined: whole
// numbers must be written as such. Throws UsageError or nlohmann's exceptions.
inline int64_t whole_number(const nlohmann::json& value, const char* key) {
  if (!value.is_number_integer()) throw UsageError(str("'", key, "' is not a whole number"));
  return value.get<int64_t>();
}
template <class T>
void read_entry(const nlohmann::json& object, const char* key, T& into) {
  const nlohmann::json& value = object.at(key);
  if (std::is_integral_v<T>) whole_number(value, key);
  value.get_to(into);
}

// The same for one that older files do not have: `into` stays as it is.
template <class T>
void read_newer_entry(const nlohmann::json& object, const char* key, T& into) {
  if (object.contains(key)) read_entry(object, key, into);
}

}  // namespace storm
