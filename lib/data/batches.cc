#include "data/batches.h"

#include <algorithm>

namespace storm {

BatchSource::BatchSource(const PairFile& file, const BatchLimits& limits, bool shuffle, uint64_t seed)
    : file_(file), limits_(limits), shuffle_(shuffle), seed_(seed) {
  limits_.longest_source = std::min(limits.longest_source, limits.max_tokens);
  limits_.longest_target = std::min(limits.longest_target, limits.max_tokens);
  if (fits(file.longest())) return;
  if (limits_.longest_source == limits_.longest_target) {
    for (auto it = file.by_length().lower_bound(limits_.longest_source); it != file.by_length().end(); ++it)
      dropped_ += it->second;
    return;
  }
  for (int64_t row = 0; row < file.size(); ++row) dropped_ += !fits(file.lengths(row));
}

template <class Take>
bool BatchSource::walk(Place& place, const Permutation& order, Take&& take) const {
  int64_t source = 0, target = 0;
  bool any = false;
  for (; place.next < file_.size(); ++place.next) {
    const auto at = static_cast<uint64_t>(place.next);
    const auto row = static_cast<int64_t>(shuffle_ ? order(at) : at);
    const auto lengths = file_.lengths(row);
    if (!fits(lengths)) continue;
    source += lengths.source + 1;
    target += lengths.target + 1;
    if (std::max(source, target) > limits_.max_tokens) return true;
    take(row);
    any = true;
  }
  if (any) return true;
  place = {place.epoch + 1, 0};
  return false;
}

bool BatchSource::next(Place& place, Pairs& pairs) const {
  pairs.clear();
  const Permutation order(static_cast<uint64_t>(file_.size()), seed_, static_cast<uint64_t>(place.epoch));
  return walk(place, order, [&](int64_t row) { file_.append(row, pairs); });
}

int64_t BatchSource::batches(int64_t epoch) const {
  const Permutation order(static_cast<uint64_t>(file_.size()), seed_, static_cast<uint64_t>(epoch));
  int64_t count = 0;
  for (Place place{epoch, 0}; walk(place, order, [](int64_t) {});) ++count;
  return count;
}

}  // namespace storm
