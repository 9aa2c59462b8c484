// The output layer and its loss in one op: linear, softmax and label-smoothed cross-entropy, in chunks of rows, so that
// the [tokens, vocabulary] logits are never stored. A chunk's gradients are taken at once, in forward.
// Loss of a token: (1 - e) * -log p(target) + e / V * sum over the vocabulary of -log p (Szegedy et al. 2016, §7).
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/error.h"
#include "tensor/graph.h"

namespace storm {

// What a loss is beside the likelihood of its targets.
struct LossOptions {
  LossOptions(float smoothing = 0, float drop = 0) : label_smoothing(smoothing), r_drop(drop) {}
  float label_smoothing;
  // Above 0, the second half of a batch is the first once more, under other dropout (R-Drop: Liang et al. 2021, §2.1):
  // each row's loss has r_drop / 4 * (KL(p || q) + KL(q || p)) beside it, where p and q are what the two say. That is
  // half of the paper's formula (3), which has the sum of both likelihoods, and its alpha.
  float r_drop;
};

struct CrossEntropy {
  Value totals;     // F64 [1, 2]: the loss and the unsmoothed negative log-likelihood, each summed over the tokens
  Value token_nll;  // F32 [tokens, 1]: -log p(target)
};

// x: [tokens, d]; weight: [vocabulary, d]; bias: [1, vocabulary] or none; targets: I32 [tokens, 1].
// The gradients are those of gradient_scale * (sum of the loss): 1 / (target tokens of the update), say.
// Both outputs are kept readable after the run.
CrossEntropy cross_entropy(Graph& graph, Value x, Value weight, Value bias, Value targets, const LossOptions& options,
                           float gradient_scale);

// For the kernels: what the node carries, and the rows whose logits exist at one time: 8 MiB of them, but enough for
// the products to run at full speed (on Zen 4, 128 rows take 5 % longer than 1024, 32 rows 40 %). By the vocabulary
// alone, so that threads do not change the sums. Scratch in forward: logits [rows at one time, vocabulary], then a
// CrossEntropyRow for each.
struct CrossEntropyAttributes {
  LossOptions options;
  float gradient_scale;
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
  float apart;   // of R-Drop's pairs: KL(p || q) + KL(q || p), in the first one's row
};
// Rows whose logits exist at one time: of `rows` in all, or of pairs, where twins is how far apart they are.
struct CrossEntropyChunks {
  CrossEntropyChunks(int64_t all, int64_t at_once, bool pairs)
      : twins(pairs ? all / 2 : 0), rows(pairs ? all / 2 : all), most(pairs ? at_once / 2 : at_once) {}
  int64_t twins, rows, most;
  int64_t parts() const { return twins > 0 ? 2 : 1; }
};
// Throws Error where the two halves of targets: [rows] are not the same.
inline void require_pairs(const int32_t* targets, int64_t rows) {
  require(rows % 2 == 0 && std::equal(targets, targets + rows / 2, targets + rows / 2),
          "cross_entropy: R-Drop takes each row twice, and these are not");
}

}  // namespace storm
