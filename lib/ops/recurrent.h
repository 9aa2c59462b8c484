// A recurrent layer over a packed batch of ragged sentences, the whole recurrence in one op: one matrix product a step,
// over the sentences that are still read (cell_walk.h). The input's own product, of all tokens at once, comes before
// it.
#pragma once

#include "ops/cell_walk.h"

namespace storm {

struct RecurrentStates {
  Value h;  // [tokens, h]: the state after each token
  Value c;  // the same of the lstm's memory; none for other cells
};

// The final states are rows of these: those of each sentence's last token (reverse: its first).
RecurrentStates recurrent(Graph& graph, const CellInput& input);

}  // namespace storm
