// Rows of which some ids are others, drawn anew each epoch: SwitchOut (Wang, Pham, Dai and Neubig, "SwitchOut: an
// efficient data augmentation algorithm for neural machine translation", EMNLP 2018, §3.2).
#pragma once

#include <vector>

#include "data/row_source.h"

namespace storm {

class SwitchedRows : public RowSource {
 public:
  // Of each of rows' first columns: by id, whether it is ordinary: others are never switched, nor put anywhere. Of a
  // row's n ordinary ids k become others, each drawn uniformly, with a probability in proportion to e^(-k / tau). The
  // rows must outlive this. Throws Error for a column with fewer than two ordinary ids.
  SwitchedRows(const RowSource& rows, std::vector<std::vector<bool>> ordinary, double tau, uint64_t seed);

  int64_t rows(int64_t epoch) const override { return rows_.rows(epoch); }
  void lengths(int64_t epoch, int64_t row, std::span<int64_t> to) const override { rows_.lengths(epoch, row, to); }
  void append(int64_t epoch, int64_t row, Rows& to) const override;
  std::span<const int64_t> longest() const override { return rows_.longest(); }
  std::vector<int64_t> all_ids(int64_t epoch) const override { return rows_.all_ids(epoch); }
  int64_t streams() const override { return rows_.streams(); }

 private:
  struct Column {
    std::vector<bool> ordinary;  // by id
    std::vector<int32_t> ids;    // the ordinary ones
  };
  const RowSource& rows_;
  std::vector<Column> columns_;
  double tau_;
  uint64_t seed_;
};

}  // namespace storm
