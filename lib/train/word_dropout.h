// Word dropout: what a model is fed lacks words that it must still say, so that it leans on the rest (Gal and
// Ghahramani 2016, §4.2; Bowman et al. 2016, §3.2, whose unknown word stands for what is dropped).
#pragma once

#include <vector>

#include "data/batch.h"

namespace storm {

struct WordDropout {
  struct Input {
    std::vector<bool> ordinary;  // by id: others are never dropped
    int32_t unknown = -1;        // what stands in the place of a dropped one
  };
  double rate = 0;
  std::vector<Input> inputs = {};  // of a batch; a batch of more has the last one's for the rest

  // number: of the batch in the run.
  void drop(Batch& batch, uint64_t seed, uint64_t number) const;
};

}  // namespace storm
