// A model whose training has diverged has no probabilities: nothing is answered from it.
#pragma once

#include <cmath>

#include "base/error.h"

namespace storm {

// Throws Error for NaN. One log-probability of a row is enough: the softmax makes all of them NaN when one logit is.
inline void require_number(double log_prob) {
  require(!std::isnan(log_prob), "the model's probabilities are not numbers; its training has diverged");
}

}  // namespace storm
