// Rows of which some ids are hidden, to be told from the others: BERT's masked language model (Devlin et al. 2018,
// §3.1), drawn anew each epoch, by counter.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "data/row_source.h"

namespace storm {

// What is asked for, and what stands in its place.
struct MaskRule {
  double rate = 0.15;               // share of a row's ordinary ids that is asked for, rounded; at least one
  bool whole_words = false;         // ids of one word are asked for together, or none of them
  int32_t mask = -1;                // what stands for 80 % of these; 10 % become any ordinary id, 10 % stay as they are
  std::vector<bool> ordinary = {};  // by id: no special token; others are never asked for, nor put anywhere
  std::vector<bool> goes_on = {};   // by id: of the word before it
};

// The rows of `texts`, whose first column is masked, with one column more behind it: the id that is asked for at each
// place, or kNotAsked. Where texts have a second column, its first number is how many ids the first of two segments
// has, and no word goes on beyond that.
class MaskedRows : public RowSource {
 public:
  static constexpr int32_t kNotAsked = -1;

  // seed: none draws the same in every epoch (for validation). Throws Error for a rule of no ordinary id.
  MaskedRows(std::unique_ptr<const RowSource> texts, MaskRule rule, std::optional<uint64_t> seed);

  int64_t rows(int64_t epoch) const override { return texts_->rows(epoch); }
  void lengths(int64_t epoch, int64_t row, std::span<int64_t> to) const override;
  void append(int64_t epoch, int64_t row, Rows& to) const override;
  std::span<const int64_t> longest() const override { return longest_; }
  std::vector<int64_t> all_ids(int64_t epoch) const override;

 private:
  // Masks the ids, and says what is asked for.
  void mask(int64_t epoch, int64_t row, std::span<int32_t> ids, std::size_t border, std::span<int32_t> asked) const;

  std::unique_ptr<const RowSource> texts_;
  MaskRule rule_;
  std::optional<uint64_t> seed_;
  std::vector<int32_t> ordinary_;  // the ids themselves
  std::vector<int64_t> longest_;
};

}  // namespace storm
