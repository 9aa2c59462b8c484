// Lists in flags and in streams' metadata: names with commas between them.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace storm {

// What stands between the commas; without one, the whole text.
inline std::vector<std::string> split_at_commas(std::string_view text) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto end = std::min(text.find(',', begin), text.size());
    parts.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

// The other way: the words with something between them.
inline std::string joined(const std::vector<std::string>& words, std::string_view between = ",") {
  std::string all;
  for (const auto& word : words) all.append(all.empty() ? "" : between).append(word);
  return all;
}

}  // namespace storm
