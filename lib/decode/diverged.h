// A model whose training has diverged has no probabilities: nothing is answered from it.
#pragma once

#include "base/error.h"

namespace storm {

// Throws Error for what is no log-probability: NaN, and anything above 0 by more than rounding. One of a row is enough:
// the softmax makes all of them NaN when one logit is.
inline void require_number(double log_prob) {
  require(log_prob <= 1e-4, "the model's probabilities are not numbers from 0 to 1; its training has diverged");
}

}  // namespace storm
