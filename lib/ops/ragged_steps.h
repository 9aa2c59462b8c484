// The steps of a recurrence over a packed batch: at step t every sentence longer than t has its t-th token read.
// Sentences go from the longest to the shortest, so those that are still read are always the first ones: no padding, no
// masks.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "base/error.h"

namespace storm {

class RaggedSteps {
 public:
  // offsets: [sentences + 1]; reverse: each sentence is read from its last token to its first.
  RaggedSteps(const int32_t* offsets, int64_t sentences, int64_t tokens, bool reverse, const char* op)
      : offsets_(offsets), reverse_(reverse), order_(static_cast<std::size_t>(sentences)) {
    bool good = offsets[0] == 0 && offsets[sentences] == tokens;
    for (int64_t s = 0; s < sentences; ++s) good = good && offsets[s] <= offsets[s + 1];
    require(good, op, ": offsets must rise from 0 to the ", tokens, " rows");
    std::iota(order_.begin(), order_.end(), 0);
    const auto length = [&](int32_t s) { return offsets[s + 1] - offsets[s]; };
    std::stable_sort(order_.begin(), order_.end(), [&](int32_t a, int32_t b) { return length(a) > length(b); });
    const int32_t longest = sentences > 0 ? length(order_[0]) : 0;
    rows_.reserve(static_cast<std::size_t>(tokens));
    begins_.push_back(0);
    for (int32_t t = 0; t < longest; ++t) {
      for (const int32_t s : order_) {
        if (length(s) <= t) break;
        rows_.push_back(reverse ? offsets[s + 1] - 1 - t : offsets[s] + t);
      }
      begins_.push_back(rows_.size());
    }
  }

  int64_t count() const { return static_cast<int64_t>(begins_.size()) - 1; }
  int64_t active(int64_t t) const { return static_cast<int64_t>(rows(t).size()); }
  // The rows of the packed batch that step t reads, those of the longest sentences first.
  std::span<const int32_t> rows(int64_t t) const {
    const auto at = static_cast<std::size_t>(t);
    return std::span(rows_).subspan(begins_[at], begins_[at + 1] - begins_[at]);
  }
  // The rows of all steps, one after the other, and where among them step t begins.
  std::span<const int32_t> rows() const { return rows_; }
  int64_t begin(int64_t t) const { return static_cast<int64_t>(begins_[static_cast<std::size_t>(t)]); }
  // Which sentence is the i-th longest.
  std::span<const int32_t> order() const { return order_; }
  // The row that was read just before `row` of the sentence; -1 at its beginning.
  int64_t before(int64_t row, int64_t sentence) const {
    if (reverse_) return row + 1 < offsets_[sentence + 1] ? row + 1 : -1;
    return row > offsets_[sentence] ? row - 1 : -1;
  }

 private:
  const int32_t* offsets_;
  bool reverse_;
  std::vector<int32_t> order_, rows_;
  std::vector<std::size_t> begins_;
};

}  // namespace storm
