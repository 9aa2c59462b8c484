#include "models/batch.h"

#include <algorithm>

namespace storm {

void PackedSentences::add(int32_t first, std::span<const int32_t> sentence, int32_t last) {
  if (first >= 0) ids.push_back(first);
  ids.insert(ids.end(), sentence.begin(), sentence.end());
  if (last >= 0) ids.push_back(last);
  const auto length = static_cast<int32_t>(ids.size()) - offsets.back();
  for (int32_t p = 0; p < length; ++p) positions.push_back(p);
  ranges.push_back(offsets.back());
  offsets.push_back(static_cast<int32_t>(ids.size()));
  ranges.push_back(offsets.back());
  last_rows.push_back(offsets.back() - 1);
  longest = std::max(longest, length);
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
