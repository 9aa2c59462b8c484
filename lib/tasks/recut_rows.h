// Rows whose words are cut anew each epoch, by BPE-dropout (text/bpe_dropout.h): no text is kept, the words are found
// in the pieces that a stream has of them.
#pragma once

#include <optional>
#include <vector>

#include "data/row_source.h"
#include "text/bpe_dropout.h"

namespace storm {

class RecutRows : public RowSource {
 public:
  // rows: the same in every epoch; they must outlive this. vocabularies: of their first columns, of which those that
  // are BPE models are cut; the others stay. Throws Error where none is. What was asked for last is kept, so that one
  // thread alone may ask.
  RecutRows(const RowSource& rows, std::span<const Vocabulary> vocabularies, double rate, uint64_t seed,
            const std::string& name);

  int64_t rows(int64_t epoch) const override { return rows_.rows(epoch); }
  void lengths(int64_t epoch, int64_t row, std::span<int64_t> to) const override;
  void append(int64_t epoch, int64_t row, Rows& to) const override;
  std::span<const int64_t> longest() const override { return longest_; }
  std::vector<int64_t> all_ids(int64_t epoch) const override;

 private:
  const Rows& found(int64_t epoch, int64_t row) const;

  const RowSource& rows_;
  std::vector<std::optional<BpeDropout>> columns_;
  std::vector<int64_t> longest_;
  mutable Rows whole_, found_;  // one row
  mutable int64_t found_epoch_ = -1, found_row_ = -1;
};

}  // namespace storm
