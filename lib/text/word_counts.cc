#include "text/word_counts.h"

#include <algorithm>
#include <unordered_map>

#include "base/parallel.h"

namespace storm {

namespace {

struct Hash {
  using is_transparent = void;  // a word that was counted before is looked up without a copy
  std::size_t operator()(std::string_view word) const { return std::hash<std::string_view>{}(word); }
};
using Counts = std::unordered_map<std::string, int64_t, Hash, std::equal_to<>>;

}  // namespace

std::vector<std::pair<std::string, int64_t>> count_words(
    const std::function<bool(std::string& line)>& next,
    const std::function<void(std::string_view line, const CountWord& count)>& each_word) {
  constexpr std::size_t kBlockBytes = std::size_t{8} << 20, kChunkLines = 256;
  std::vector<Counts> counts(static_cast<std::size_t>(thread_count()));
  std::vector<std::string> lines;
  for (bool more = true; more;) {
    std::size_t used = 0;
    for (std::size_t bytes = 0; bytes < kBlockBytes; ++used) {
      if (used == lines.size()) lines.emplace_back();
      more = next(lines[used]);
      if (!more) break;
      bytes += lines[used].size();
    }
    parallel_items(static_cast<int64_t>((used + kChunkLines - 1) / kChunkLines), [&](int64_t k) {
      auto& mine = counts[static_cast<std::size_t>(thread_number())];
      const CountWord count = [&](std::string_view word) {
        if (const auto it = mine.find(word); it != mine.end())
          ++it->second;
        else
          mine.emplace(word, 1);
      };
      const auto begin = static_cast<std::size_t>(k) * kChunkLines;
      for (auto i = begin; i < std::min(used, begin + kChunkLines); ++i) each_word(lines[i], count);
    });
  }
  auto& all = counts[0];
  for (std::size_t k = 1; k < counts.size(); ++k)
    for (const auto& [word, count] : std::exchange(counts[k], {})) all[word] += count;
  std::vector<std::pair<std::string, int64_t>> sorted(all.begin(), all.end());
  std::ranges::sort(sorted);
  return sorted;
}

}  // namespace storm
