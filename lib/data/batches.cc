#include "data/batches.h"

#include <algorithm>

namespace storm {

namespace {

// Tokens on each side of what was added up, and whether another row finds room.
class Load {
 public:
  explicit Load(std::span<const Side> sides) : sides_(sides), tokens_(sides.size()) {}

  int64_t most() const { return *std::ranges::max_element(tokens_); }
  int64_t most_with(std::span<const int64_t> lengths) const {
    int64_t most = 0;
    for (std::size_t s = 0; s < sides_.size(); ++s) most = std::max(most, tokens_[s] + tokens_on(sides_[s], lengths));
    return most;
  }
  void add(std::span<const int64_t> lengths) {
    for (std::size_t s = 0; s < sides_.size(); ++s) tokens_[s] += tokens_on(sides_[s], lengths);
  }
  void clear() { std::ranges::fill(tokens_, 0); }

 private:
  std::span<const Side> sides_;
  std::vector<int64_t> tokens_;
};

}  // namespace

int64_t tokens_on(const Side& side, std::span<const int64_t> lengths) {
  int64_t tokens = side.added;
  for (const std::size_t column : side.columns) tokens += lengths[column];
  return tokens;
}

int64_t all_tokens(const RowSource& source, const Side& side) {
  return tokens_on({side.columns, side.added * source.rows(0), side.longest}, source.all_ids(0));
}

std::vector<int64_t> longest_rows(const RowSource& source, std::span<const Side> sides) {
  std::vector<int64_t> longest;
  for (const Side& side : sides) longest.push_back(std::min(tokens_on(side, source.longest()), side.longest));
  return longest;
}

BatchSource::BatchSource(const RowSource& source, std::vector<Side> sides, int64_t max_tokens, bool shuffle,
                         uint64_t seed)
    : source_(source),
      sides_(std::move(sides)),
      max_tokens_(max_tokens),
      shuffle_(shuffle && source.streams() == 0),
      seed_(seed) {
  for (Side& side : sides_) side.longest = std::min(side.longest, max_tokens);
  if (fits(source.longest())) return;
  std::vector<int64_t> lengths(source.longest().size());
  for (int64_t row = 0; row < source.rows(0); ++row) {
    source.lengths(0, row, lengths);
    if (fits(lengths)) continue;
    ++dropped_;
    dropped_tokens_ += tokens_on(sides_.back(), lengths);
  }
}

bool BatchSource::fits(std::span<const int64_t> lengths) const {
  return std::ranges::all_of(sides_, [&](const Side& side) { return tokens_on(side, lengths) <= side.longest; });
}

Permutation BatchSource::order(int64_t epoch) const {
  return {static_cast<uint64_t>(source_.rows(epoch)), seed_, static_cast<uint64_t>(epoch)};
}

template <class Take>
bool BatchSource::walk(Place& place, const Permutation& order, Take&& take) const {
  Load load(sides_);
  std::vector<int64_t> lengths(source_.longest().size());
  const auto rows = static_cast<int64_t>(order.size());
  const int64_t streams = source_.streams();
  bool taken = false;
  for (; place.next < rows; ++place.next) {
    if (streams > 0 && taken && place.next % streams == 0) return true;
    const auto at = static_cast<uint64_t>(place.next);
    const auto row = static_cast<int64_t>(shuffle_ ? order(at) : at);
    source_.lengths(place.epoch, row, lengths);
    if (!fits(lengths)) continue;
    load.add(lengths);
    if (streams == 0 && load.most() > max_tokens_) return true;
    take(row);
    taken = true;
  }
  if (taken) return true;
  place = {place.epoch + 1, 0};
  return false;
}

bool BatchSource::next(Place& place, Rows& rows) const {
  rows.clear();
  return walk(place, order(place.epoch), [&, epoch = place.epoch](int64_t row) { source_.append(epoch, row, rows); });
}

int64_t BatchSource::batches(int64_t epoch) const {
  const Permutation order = this->order(epoch);
  int64_t count = 0;
  for (Place place{epoch, 0}; walk(place, order, [](int64_t) {});) ++count;
  return count;
}

std::vector<int64_t> even_parts(const Rows& rows, std::span<const Side> sides, int64_t max_tokens) {
  std::vector<int64_t> lengths(rows.columns);
  const auto measure = [&](int64_t row) -> std::span<const int64_t> {
    for (std::size_t c = 0; c < rows.columns; ++c) lengths[c] = static_cast<int64_t>(rows(row, c).size());
    return lengths;
  };
  Load all(sides), part(sides);
  for (int64_t i = 0; i < rows.size(); ++i) all.add(measure(i));
  const int64_t parts = std::max<int64_t>((all.most() + max_tokens - 1) / max_tokens, 1);
  const int64_t even = (all.most() + parts - 1) / parts;  // a small last part would cost what a large one does
  std::vector<int64_t> cuts{0};
  for (int64_t i = 0; i < rows.size(); ++i) {
    const auto row = measure(i);
    if (i > cuts.back() && (part.most() >= even || part.most_with(row) > max_tokens)) {
      cuts.push_back(i);
      part.clear();
    }
    part.add(row);
  }
  cuts.push_back(rows.size());
  return cuts;
}

}  // namespace storm
