// The loss of choosing tokens of a text: a softmax over the text's tokens, for each of k columns. Extractive question
// answering has two, where the answer begins and where it ends (Devlin et al. 2019, §4.2).
#pragma once

#include <cstdint>

#include "base/error.h"
#include "tensor/graph.h"

namespace storm {

// x: [tokens, k]; offsets: I32 [texts + 1, 1], where each text begins among the tokens; targets: I32 [texts, k], for
// each column the token that is right, counted within the text -> F64 [1, 2]: the sum over the texts of the mean over
// the columns of -log p(target), twice, as cross_entropy gives its loss and its likelihood. The gradient of x is that
// of gradient_scale * (the sum). Offsets and targets are constants. Kept readable after the run.
Value span_cross_entropy(Graph& graph, Value x, Value offsets, Value targets, float gradient_scale);

// For the kernels: refuses offsets that do not rise from 0 to the tokens, and targets that are not within their text.
// They are the host's: [texts + 1] and [texts, k].
inline void check_spans(const int32_t* offsets, const int32_t* targets, int64_t texts, int64_t k, int64_t tokens) {
  bool good = offsets[0] == 0 && offsets[texts] == tokens;
  for (int64_t i = 0; i < texts; ++i) good = good && offsets[i] <= offsets[i + 1];
  require(good, "span_cross_entropy: offsets must rise from 0 to the ", tokens, " rows");
  for (int64_t i = 0; i < texts * k; ++i)
    require(targets[i] >= 0 && targets[i] < offsets[i / k + 1] - offsets[i / k], "span_cross_entropy: target ",
            targets[i], " of text ", i / k, " is not among its ", offsets[i / k + 1] - offsets[i / k], " tokens");
}

}  // namespace storm
