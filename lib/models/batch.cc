#include "models/batch.h"

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

std::vector<int32_t> PackedSentences::positions() const {
  std::vector<int32_t> positions(ids.size());
  for (std::size_t s = 1; s < offsets.size(); ++s)
    std::iota(positions.begin() + offsets[s - 1], positions.begin() + offsets[s], 0);
  return positions;
}

std::vector<int32_t> PackedSentences::ranges() const {
  std::vector<int32_t> ranges;
  for (std::size_t s = 1; s < offsets.size(); ++s) ranges.insert(ranges.end(), {offsets[s - 1], offsets[s]});
  return ranges;
}

Batch make_batch(std::span<const SentencePair> pairs, const SpecialIds& special) {
  Batch batch;
  for (const auto& [source, target] : pairs) {
    batch.source.add(-1, source, special.eos);
    batch.target.add(special.bos, target, -1);
    batch.labels.insert(batch.labels.end(), target.begin(), target.end());
    batch.labels.push_back(special.eos);
  }
  return batch;
}

PackedSentences pack_sources(std::span<const std::span<const int32_t>> sources, const SpecialIds& special) {
  PackedSentences packed;
  for (const auto& source : sources) packed.add(-1, source, special.eos);
  return packed;
}

}  // namespace storm
