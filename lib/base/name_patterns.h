// Names that patterns take: those of parameters, of --freeze and its like.
#pragma once

#include <string>
#include <vector>

namespace storm {

bool name_matches(const std::string& pattern, const std::string& name);  // fnmatch's: *, ? and [...]

// Which of the names the patterns take, commas between them. Throws UsageError, which begins with the flag, for a
// pattern that takes none, with some names as a hint.
std::vector<bool> matched_names(const char* flag, const std::string& patterns, const std::vector<std::string>& names);

}  // namespace storm
