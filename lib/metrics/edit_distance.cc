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

BeamEditDistance::Band BeamEditDistance::band(std::size_t i) const {
  const auto width = static_cast<int64_t>(width_);
  if (i == 0) return {0, width, 0};
  const auto diagonal = static_cast<int64_t>(std::floor(static_cast<double>(i) * ratio_));
  const int64_t begin = std::clamp<int64_t>(diagonal - beam_, 0, width);
  return {begin, i == hyp_len_ ? width : std::clamp(diagonal + beam_, begin, width), 0};
}

// cells: those of the band, all set; operations may be null.
void BeamEditDistance::row(uint32_t word, const Band& above, const int32_t* above_cells, const Band& band,
                           int32_t* cells, Operation* operations) const {
  const auto cell_above = [&](int64_t j) {
    return j >= above.begin && j < above.end ? above_cells[j - above.begin] : kFar;
  };
  int32_t left = kFar, diagonal = cell_above(band.begin - 1);
  for (int64_t j = band.begin; j < band.end; ++j) {
    const int32_t up = cell_above(j);
    int32_t best = up + 1;
    Operation operation = erase;
    if (j > 0) {
      const bool same = word == reference_[static_cast<std::size_t>(j - 1)];
      if (const int32_t cost = diagonal + !same; cost <= best) {
        best = cost;
        operation = same ? keep : substitute;
      }
      if (left + 1 < best) {
        best = left + 1;
        operation = insert;
      }
    }
    best = std::min(best, kFar);
    cells[j - band.begin] = left = best;
    if (operations) operations[j - band.begin] = operation;
    diagonal = up;
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
  bands_.clear();
  std::size_t cells = 0;
  for (std::size_t i = 0; i <= hyp_len_; ++i) {
    bands_.push_back(band(i));
    bands_[i].first = cells;
    cells += static_cast<std::size_t>(bands_[i].end - bands_[i].begin);
  }
  cells_.resize(cells);
  operations_.resize(cells);
  for (std::size_t j = 0; j < width_; ++j) {
    cells_[j] = static_cast<int32_t>(j);
    operations_[j] = insert;
  }
  for (std::size_t i = 1; i <= hyp_len_; ++i)
    row(hypothesis[i - 1], bands_[i - 1], cells_.data() + bands_[i - 1].first, bands_[i],
        cells_.data() + bands_[i].first, operations_.data() + bands_[i].first);
  return cells_.back();
}

std::span<const BeamEditDistance::Operation> BeamEditDistance::path() {
  path_.clear();
  for (std::size_t i = hyp_len_, j = width_ - 1; i > 0 || j > 0;) {
    const Band& band = bands_[i];
    const auto column = static_cast<int64_t>(j);
    const std::size_t at = band.first + static_cast<std::size_t>(column - band.begin);
    require(column >= band.begin && column < band.end && cells_[at] < kFar,
            "TER: a segment's alignment leaves the beam");
    const Operation operation = operations_[at];
    path_.push_back(operation);
    i -= operation != insert;
    j -= operation != erase;
  }
  std::ranges::reverse(path_);
  return path_;
}

int32_t BeamEditDistance::distance(std::span<const uint32_t> hypothesis, std::size_t same) {
  if (same == hyp_len_) return cells_.back();
  const int32_t* above = cells_.data() + bands_[same].first;
  for (std::size_t i = same + 1; i <= hyp_len_; ++i) {
    auto& cells = rows_[i % 2];
    cells.resize(static_cast<std::size_t>(bands_[i].end - bands_[i].begin));
    row(hypothesis[i - 1], bands_[i - 1], above, bands_[i], cells.data(), nullptr);
    above = cells.data();
  }
  return rows_[hyp_len_ % 2].back();
}

}  // namespace storm
