#include "text/learn_list.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "text/word_counts.h"

namespace storm {

LearnedList learn_list(const std::function<bool(std::string& line)>& next, ListKind kind, int64_t most) {
  LearnedList learned;
  auto counts = count_words(next, [](std::string_view line, const CountWord& count) { each_word(line, count); });
  for (const auto& [word, count] : counts) learned.words += count;

  std::size_t room = SIZE_MAX;
  if (kind == ListKind::words) {
    const auto special = static_cast<int64_t>(kSpecialWords.size());
    require(most == 0 || most > special, "a list of ", most, " entries has no place for a word");
    if (most > 0) room = static_cast<std::size_t>(most - special);
    for (const auto& word : kSpecialWords) {
      const auto it = std::ranges::find(counts, word, &std::pair<std::string, int64_t>::first);
      if (it == counts.end()) continue;
      (word == "<unk>" ? learned.words_kept : learned.special) += it->second;
      counts.erase(it);
    }
  }
  require(!counts.empty(), "no text to learn a vocabulary from");
  std::vector<std::pair<std::string_view, int64_t>> sorted(counts.begin(), counts.end());
  std::sort(sorted.begin(), sorted.end(), [&](const auto& a, const auto& b) {
    return kind == ListKind::words && a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  sorted.resize(std::min(sorted.size(), room));
  std::vector<std::string_view> entries;
  for (const auto& [word, count] : sorted) {
    entries.push_back(word);
    learned.words_kept += count;
  }
  learned.bytes = list_bytes(kind, entries);
  return learned;
}

}  // namespace storm
