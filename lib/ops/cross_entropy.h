// The output layer and its loss in one op: linear, softmax and label-smoothed cross-entropy, in chunks of rows, so that
// the [tokens, vocabulary] logits are never stored. A chunk's gradients are taken at once, in forward.
// Loss of a token: (1 - e) * -log p(target) + e / V * sum over the vocabulary of -log p (Szegedy et al. 2016, §7).
#pragma once

#include <algorithm>
#include <cstdint>

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

// For the kernels: what the node carries, and the rows whose logits exist at one time: 8 MiB of them, but enough for
// the products to run at full speed (on Zen 4, 128 rows take 5 % longer than 1024, 32 rows 40 %). By the vocabulary
// alone, so that threads do not change the sums. Scratch in forward: logits [rows at one time, vocabulary], then a
// CrossEntropyRow for each.
struct CrossEntropyAttributes {
  float label_smoothing, gradient_scale;
};
inline int64_t cross_entropy_rows(int64_t vocabulary) {
  constexpr int64_t floats = int64_t{2} << 20;
  return std::clamp<int64_t>(floats / std::max<int64_t>(vocabulary, 1), 128, 1024) / 16 * 16;
}
// What a row of logits comes down to, each relative to the row's largest logit.
struct CrossEntropyRow {
  float exps;    // the sum of e^logit
  float logits;  // the sum of the logits
  float target;  // the target's logit
};

}  // namespace storm
