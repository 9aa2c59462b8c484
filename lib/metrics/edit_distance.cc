#include "metrics/edit_distance.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"

namespace storm {

namespace {

constexpr int64_t kBeamWidth = 25;
constexpr int32_t kFar = 1 << 30;  // of a cell outside the beam

}  // namespace

// cells: [width], all set; operations may be null.
void BeamEditDistance::row(uint32_t word, std::size_t i, const int32_t* above, int32_t* cells,
                           Operation* operations) const {
  const auto width = static_cast<int64_t>(width_);
  const auto diagonal = static_cast<int64_t>(std::floor(static_cast<double>(i) * ratio_));
  const int64_t begin = std::clamp<int64_t>(diagonal - beam_, 0, width);
  const int64_t end = i == hyp_len_ ? width : std::clamp(diagonal + beam_, begin, width);
  std::fill(cells, cells + begin, kFar);
  std::fill(cells + end, cells + width, kFar);
  int32_t left = kFar;
  for (int64_t j = begin; j < end; ++j) {
    int32_t best = above[j] + 1;
    Operation operation = erase;
    if (j > 0) {
      const bool same = word == reference_[static_cast<std::size_t>(j - 1)];
      if (const int32_t cost = above[j - 1] + !same; cost <= best) {
        best = cost;
        operation = same ? keep : substitute;
      }
      if (left + 1 < best) {
        best = left + 1;
        operation = insert;
      }
    }
    best = std::min(best, kFar);
    cells[j] = left = best;
    if (operations) operations[j] = operation;
  }
}

int32_t BeamEditDistance::set(std::span<const uint32_t> hypothesis, std::span<const uint32_t> reference) {
  reference_ = reference;
  hyp_len_ = hypothesis.size();
  width_ = reference.size() + 1;
  ratio_ = hyp_len_ ? static_cast<double>(reference.size()) / static_cast<double>(hyp_len_) : 1;
  // Where the lengths differ so much that rows would not overlap, the beam is wider.
  beam_ = static_cast<double>(kBeamWidth) < ratio_ / 2
              ? static_cast<int64_t>(std::ceil(ratio_ / 2 + static_cast<double>(kBeamWidth)))
              : kBeamWidth;
  cells_.resize((hyp_len_ + 1) * width_);
  operations_.resize(cells_.size());
  for (std::size_t j = 0; j < width_; ++j) {
    cells_[j] = static_cast<int32_t>(j);
    operations_[j] = insert;
  }
  for (std::size_t i = 1; i <= hyp_len_; ++i)
    row(hypothesis[i - 1], i, &cells_[(i - 1) * width_], &cells_[i * width_], &operations_[i * width_]);
  return cells_.back();
}

std::span<const BeamEditDistance::Operation> BeamEditDistance::path() {
  path_.clear();
  for (std::size_t i = hyp_len_, j = width_ - 1; i > 0 || j > 0;) {
    require(cells_[i * width_ + j] < kFar, "TER: a segment's alignment leaves the beam");
    const Operation operation = operations_[i * width_ + j];
    path_.push_back(operation);
    i -= operation != insert;
    j -= operation != erase;
  }
  std::ranges::reverse(path_);
  return path_;
}

int32_t BeamEditDistance::distance(std::span<const uint32_t> hypothesis, std::size_t same) {
  if (same == hyp_len_) return cells_.back();
  for (auto& r : rows_) r.resize(width_);
  const int32_t* above = &cells_[same * width_];
  for (std::size_t i = same + 1; i <= hyp_len_; ++i) {
    int32_t* cells = rows_[i % 2].data();
    row(hypothesis[i - 1], i, above, cells, nullptr);
    above = cells;
  }
  return above[width_ - 1];
}

}  // namespace storm
