// A recurrent layer whose steps are tied together by attention, the whole recurrence in one op (alignment.h,
// cell_walk.h). Step t of a sentence either
//   asks the source with its last state and reads the context into its gates (Bahdanau et al. 2015, §3.1):
//     context = attend(W_q h[t-1]),  x[t] + W_f context -> cell -> h[t]
// or, with an output weight, feeds its last output back to its gates (input feeding; Luong et al. 2015, §3.3):
//     x[t] + W_f out[t-1] -> cell -> h[t],  context = attend(W_q h[t]),  out[t] = tanh(W_o [context; h[t]] + b_o)
#pragma once

#include "ops/alignment.h"
#include "ops/cell_walk.h"

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

}  // namespace storm
