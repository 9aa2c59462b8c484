// Which source sentence each row of an incremental decoder belongs to, while beams widen, are reordered and end.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace storm {

class BeamRows {
 public:
  explicit BeamRows(int64_t sentences) : sentences_(sentences) {}

  // The next step's rows: row i goes on from row parents[i] of the step before, or at the first step from the sentence
  // parents[i]. Throws Error for a parent that there is not, and for rows that are not grouped by sentence, in order.
  void follow(std::span<const int32_t> parents);

  int64_t step() const { return step_; }  // the number of the step that follow() began, from 0; -1 before
  int64_t rows() const { return static_cast<int64_t>(sentence_.size()); }
  int64_t rows_before() const { return rows_before_; }             // of the step before; at the first, the sentences
  std::span<const int32_t> sentence() const { return sentence_; }  // [rows]: each row's
  std::vector<int32_t> offsets() const;                            // [sentences + 1]: each sentence's first row

 private:
  int64_t sentences_, step_ = -1, rows_before_ = sentences_;
  std::vector<int32_t> sentence_, next_;
};

}  // namespace storm
