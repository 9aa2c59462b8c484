// Tables whose entries have names that users write.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>

#include "base/error.h"

namespace storm {

// The entry of this name, of a table of entries or of pointers to them. Throws UsageError, "WHAT 'NAME' is none of A,
// B", where there is none.
template <class Table>
const auto& named_entry(const Table& table, std::string_view name, std::string_view what) {
  std::string names;
  for (const auto& one : table) {
    const auto& entry = [&]() -> const auto& {
      if constexpr (std::is_pointer_v<std::remove_cvref_t<decltype(one)>>)
        return *one;
      else
        return one;
    }
    ();
    if (entry.name == name) return entry;
    names += (names.empty() ? "" : ", ") + entry.name;
  }
  throw UsageError(str(what, " '", name, "' is none of ", names));
}

}  // namespace storm
