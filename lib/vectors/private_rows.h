// A thread's own copies of the rows of a table that it works on, for training whose bits do not depend on what other
// threads do at the time: copies are taken when a row is first asked for, and all threads' changes are added to the
// table between two rounds.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/buffer.h"

namespace storm {

class PrivateRows {
 public:
  // table: rows of `stride` numbers, which outlives this.
  PrivateRows(std::span<float> table, int64_t stride);

  // The thread's copy of a row, which stays where it is until the round ends. Nobody writes the table meanwhile.
  float* operator()(int32_t row) {
    auto& slot = slots_[static_cast<std::size_t>(row)];
    if (slot < 0) slot = copy(row);
    ++uses_[static_cast<std::size_t>(slot)];
    return at(slot);
  }

  // Where the row is now, in the table or as a copy.
  const float* peek(int32_t row) const {
    const auto slot = slots_[static_cast<std::size_t>(row)];
    return slot < 0 ? table_.data() + row * stride_ : at(slot);
  }

  // Adds up the changes of all threads' copies of one table, in the order of the threads: the share of the work that
  // is number `part` of `parts`, which touches rows of its own and runs beside the others. Then, when all parts are
  // done, every thread forgets its copies.
  // A row that every thread used often has been led to about the same place by each, and the sum of their changes would
  // lead it that many times too far, further from round to round; so a thread whose copy was used `often` times counts
  // as one of those that the sum is divided by, one that used it less as a fraction.
  static void merge(std::span<PrivateRows* const> threads, int64_t part, int64_t parts, float often);
  void forget();

 private:
  static constexpr int64_t kBlockRows = 1024;

  int32_t copy(int32_t row);
  float* at(int32_t slot) const {
    return blocks_[static_cast<std::size_t>(slot / kBlockRows)].as<float>().data() + slot % kBlockRows * stride_;
  }

  std::span<float> table_;
  int64_t stride_;
  std::vector<int32_t> slots_;           // by row; -1: there is no copy
  std::vector<int32_t> touched_, uses_;  // by slot: the row that it is a copy of, how often it was asked for
  std::vector<Buffer> blocks_;
};

}  // namespace storm
