#include "data/batch.h"

#include <algorithm>
#include <numeric>

namespace storm {

void PackedSentences::add(int32_t first, std::span<const int32_t> sentence, int32_t last) {
  if (first >= 0) ids.push_back(first);
  ids.insert(ids.end(), sentence.begin(), sentence.end());
  if (last >= 0) ids.push_back(last);
  const auto length = static_cast<int32_t>(ids.size()) - offsets.back();
  offsets.push_back(static_cast<int32_t>(ids.size()));
  longest = std::max(longest, length);
}

PackedSentences PackedSentences::of_size(int64_t tokens, int64_t sentences, int64_t longest) {
  const std::vector<int32_t> ids(static_cast<std::size_t>(longest));
  PackedSentences packed;
  for (int64_t s = 0; s < sentences; ++s) {
    const int64_t left = tokens - packed.tokens(), after = sentences - s - 1;
    packed.add(-1, std::span(ids).first(static_cast<std::size_t>(std::clamp(left - after, int64_t{1}, longest))), -1);
  }
  return packed;
}

std::vector<int32_t> PackedSentences::positions() const {
  std::vector<int32_t> positions(ids.size());
  for (std::size_t s = 1; s < offsets.size(); ++s)
    std::iota(positions.begin() + offsets[s - 1], positions.begin() + offsets[s], 0);
  return positions;
}

std::vector<int32_t> PackedSentences::sentence_numbers() const {
  std::vector<int32_t> numbers;
  for (int64_t s = 0; s < sentences(); ++s)
    numbers.resize(static_cast<std::size_t>(offsets[static_cast<std::size_t>(s) + 1]), static_cast<int32_t>(s));
  return numbers;
}

std::vector<int32_t> PackedSentences::ranges() const {
  std::vector<int32_t> ranges;
  for (std::size_t s = 1; s < offsets.size(); ++s) ranges.insert(ranges.end(), {offsets[s - 1], offsets[s]});
  return ranges;
}

}  // namespace storm
