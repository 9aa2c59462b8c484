#include "base/name_patterns.h"

#include <fnmatch.h>

#include <algorithm>

#include "base/error.h"
#include "base/split.h"

namespace storm {

bool name_matches(const std::string& pattern, const std::string& name) {
  return ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
}

std::vector<bool> matched_names(const char* flag, const std::string& patterns, const std::vector<std::string>& names) {
  std::vector<bool> taken(names.size(), false);
  for (const auto& pattern : split_at_commas(patterns)) {
    bool any = false;
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (!name_matches(pattern, names[i])) continue;
      any = taken[i] = true;
    }
    if (any) continue;
    std::string some;
    const std::size_t step = std::max<std::size_t>(1, names.size() / 4);
    for (std::size_t i = 0; i < names.size(); i += step) some += (some.empty() ? "" : ", ") + names[i];
    throw UsageError(str(flag, ": '", pattern, "' matches nothing; there are ", some.empty() ? "none" : some, ", ..."));
  }
  return taken;
}

}  // namespace storm
