// What search and sampling know of a model: one step of some rows after another.
#pragma once

#include <cstdint>
#include <span>

#include "tensor/graph.h"

namespace storm {

// The incremental decoding of one batch of sentences. It borrows from the model.
class Decoder {
 public:
  virtual ~Decoder() = default;

  // Records one step. Row i goes on from row parents[i] of the step before (at the first step parents[i] is a source
  // sentence) and is fed tokens[i]. Rows stand grouped by source sentence, in the sentences' order; a sentence may
  // have none left. -> logits [rows, target vocabulary]. The graph must be run before the next step is recorded.
  virtual Value step(Graph& graph, std::span<const int32_t> parents, std::span<const int32_t> tokens) = 0;
};

}  // namespace storm
