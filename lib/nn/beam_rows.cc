#include "nn/beam_rows.h"

#include "base/error.h"

namespace storm {

void BeamRows::follow(std::span<const int32_t> parents) {
  const bool first = step_ < 0;
  const int64_t before = first ? sentences_ : rows();
  next_.clear();
  for (std::size_t r = 0; r < parents.size(); ++r) {
    const int32_t parent = parents[r];
    require(parent >= 0 && parent < before, "decoder: row ", r, " goes on from row ", parent, " of ", before);
    next_.push_back(first ? parent : sentence_[static_cast<std::size_t>(parent)]);
    require(r == 0 || next_[r - 1] <= next_[r], "decoder: rows are not grouped by sentence");
  }
  rows_before_ = before;
  sentence_.swap(next_);
  ++step_;
}

std::vector<int32_t> BeamRows::offsets() const {
  std::vector<int32_t> offsets(static_cast<std::size_t>(sentences_) + 1);
  for (const int32_t s : sentence_) ++offsets[static_cast<std::size_t>(s) + 1];
  for (std::size_t s = 1; s < offsets.size(); ++s) offsets[s] += offsets[s - 1];
  return offsets;
}

}  // namespace storm
