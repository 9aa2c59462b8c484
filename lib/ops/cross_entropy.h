// The output layer and its loss in one op: linear, softmax and label-smoothed cross-entropy, in chunks of rows, so that
// the [tokens, vocabulary] logits are never stored. A chunk's gradients are taken at once, in forward.
// Loss of a token: (1 - e) * -log p(target) + e / V * sum over the vocabulary of -log p (Szegedy et al. 2016, §7;
// DESIGN §1).
#pragma once

#include "tensor/graph.h"

namespace storm {

struct CrossEntropy {
  Value totals;     // F64 [1, 2]: the loss and the unsmoothed negative log-likelihood, each summed over the tokens
  Value token_nll;  // F32 [tokens, 1]: -log p(target)
};

// x: [tokens, d]; weight: [vocabulary, d]; bias: [1, vocabulary] or none; targets: I32 [tokens, 1].
// The gradients are those of gradient_scale * (sum of the loss): 1 / (target tokens of the update), say.
// Both outputs are kept readable after the run.
CrossEntropy cross_entropy(Graph& graph, Value x, Value weight, Value bias, Value targets, float label_smoothing,
                           float gradient_scale);

}  // namespace storm
