// Batches of sentence pairs by tokens. Batches are packed, never padded, so lengths need not be alike: each epoch is
// one uniformly random order, cut where a batch is full. Order and cuts follow from (seed, epoch) alone, so a place in
// the data is two numbers.
#pragma once

#include <cstdint>

#include "data/pair_file.h"
#include "data/permutation.h"

namespace storm {

struct Place {
  int64_t epoch = 0;  // from 0
  int64_t next = 0;   // how many pairs of the epoch's order are done
  bool operator==(const Place&) const = default;
};

struct BatchLimits {
  int64_t max_tokens = 4096;                                       // of a batch, on its larger side, EOS included
  int64_t longest_source = INT32_MAX, longest_target = INT32_MAX;  // of a sentence, EOS included
};

class BatchSource {
 public:
  // shuffle: off, pairs come in the file's order (for validation). The file must be indexed and outlive this.
  BatchSource(const PairFile& file, const BatchLimits& limits, bool shuffle, uint64_t seed = 0);

  // The batch that begins at place, which moves behind it. Pairs over a limit are passed over. False at the end of an
  // epoch, when place moves to the start of the next and pairs is empty.
  bool next(Place& place, Pairs& pairs) const;

  // How many batches an epoch has: reads all lengths.
  int64_t batches(int64_t epoch) const;
  int64_t dropped() const { return dropped_; }  // pairs over a limit: counted once, when this is made
  int64_t pairs() const { return file_.size() - dropped_; }
  const BatchLimits& limits() const { return limits_; }

 private:
  bool fits(const PairFile::Lengths& l) const {
    return l.source < limits_.longest_source && l.target < limits_.longest_target;
  }
  // Calls take(row) for each pair of the batch at place; false at the end of the epoch.
  template <class Take>
  bool walk(Place& place, const Permutation& order, Take&& take) const;

  const PairFile& file_;
  BatchLimits limits_;
  bool shuffle_;
  uint64_t seed_;
  int64_t dropped_ = 0;
};

}  // namespace storm
