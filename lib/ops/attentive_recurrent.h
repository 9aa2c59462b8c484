// A recurrent layer whose steps are tied together by attention, the whole recurrence in one op (alignment.h,
// cell_walk.h). Step t of a sentence either
//   asks the source with its last state and reads the context into its gates (Bahdanau et al. 2015, §3.1):
//     context = attend(W_q h[t-1]),  x[t] + W_f context -> cell -> h[t]
// or, with an output weight, feeds its last output back to its gates (input feeding; Luong et al. 2015, §3.3):
//     x[t] + W_f out[t-1] -> cell -> h[t],  context = attend(W_q h[t]),  out[t] = tanh(W_o [context; h[t]] + b_o)
#pragma once

#include <algorithm>

#include "ops/alignment.h"
#include "ops/cell_walk.h"
#include "ops/scratch.h"

namespace storm {

struct AttentiveInput {
  CellInput cell;      // not reverse
  Value feed_weight;   // [gates * h, m], or [gates * h, o] with an output weight
  Value query_weight;  // [a, h]; may be none with an output weight: the state is the query
  AlignmentInput attention;
  Value out_weight, out_bias;  // [o, m + h], [1, o]; none: without input feeding
  Value out;                   // [sentences, o]: the output before the first step, which gets no gradient; none: zeros
};

struct AttentiveStates {
  Value h, c;     // [tokens, h]; c: lstm
  Value context;  // [tokens, m]; with an output weight it has no gradient of its own
  Value out;      // [tokens, o], with an output weight
  Value weights;  // see alignment.h
};

AttentiveStates attentive_recurrent(Graph& graph, const AttentiveInput& input);

// For the kernels: what the node carries, its inputs after those of cell_walk.h, its outputs after the three there, and
// the floats that are its own at the end of its scratch.
struct AttentiveAttributes {
  CellAttributes cell;
  Scoring scoring;
  bool logits;
};
namespace attentive {
enum Input : std::size_t { kFeedWeight = 6, kQueryWeight, kV, kKeys, kMemory, kRanges, kOutWeight, kOutBias, kOut };
enum Output : std::size_t { kContext = 3, kOutput, kWeights };

struct Sizes {
  int64_t tokens, sentences, h, width, a, m, o, weights;  // width: gates * h; o: 0 without input feeding
};
// Each piece is at least as large as the CPU and a device need it: where the CPU adds to the gradients of keys and
// memory step by step, a device keeps what they are made of for all tokens.
inline std::size_t forward_floats(const Sizes& s) {
  const int64_t n = s.sentences;
  return static_cast<std::size_t>(piece(n * s.a) + piece(n * (s.o ? s.m + s.h : s.m)) + piece(n * s.o) +
                                  piece(n * s.width));
}
inline std::size_t backward_floats(const Sizes& s) {
  const int64_t n = s.sentences;
  return static_cast<std::size_t>(2 * piece(n * s.a) + piece(n * (s.o ? s.m + s.h : s.m)) + 2 * piece(n * s.o) +
                                  piece(n * s.width) + 2 * piece(s.tokens * s.a) + piece(s.tokens * s.o) +
                                  piece(s.tokens * std::max(s.m, s.o)) + piece(s.weights));
}
}  // namespace attentive

}  // namespace storm
