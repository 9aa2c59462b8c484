// The merges of BPE, and their work on one word.
#pragma once

#include <cstdint>
#include <vector>

#include "stream/byte_range.h"
#include "text/flat_map.h"

namespace storm {

class BpeMerges {
 public:
  struct Symbol {
    int32_t id;
    ByteRange range;
  };

  // The next merge, of lower rank than the ones before. Of one that is there already the last counts.
  void add(int32_t left, int32_t right, int32_t joined) { merges_[pair_key(left, right)] = {rank_++, joined}; }

  // Joins the neighbours whose merge has the lowest rank, the leftmost of them, until none has one. Time grows as
  // n log n with the symbols.
  void apply(std::vector<Symbol>& word) const;

 private:
  struct Merge {
    int32_t rank = kNone, joined = -1;
  };
  static constexpr int32_t kNone = INT32_MAX;
  Merge merge_of(const Symbol& left, const Symbol& right) const {
    const auto* found = merges_.find(pair_key(left.id, right.id));
    return found ? *found : Merge{};
  }
  void apply_short(std::vector<Symbol>& word) const;
  void apply_long(std::vector<Symbol>& word) const;

  FlatMap<Merge> merges_;
  int32_t rank_ = 0;
};

}  // namespace storm
