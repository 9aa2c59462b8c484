// A model that says of each token of a text what stands behind it, from what stands up to it, and what stands before
// it, from what stands from it on: a language model of two directions with one output layer (Peters et al. 2018, §3.1).
#pragma once

#include "data/batch.h"
#include "models/generator.h"
#include "models/trace.h"

namespace storm {

struct BothDirections {
  Value forward, backward;  // [tokens, width]: of what stands up to a token, and from it on
};

class BidirectionalLanguageModel {
 public:
  static constexpr const char* kCannot = "does not read text in two directions that know nothing of each other";
  virtual ~BidirectionalLanguageModel() = default;

  // Records the pass over packed texts to what the output layer reads. text must outlive the graph's run. Dropout is on
  // in graphs with gradients. trace: what it asks for is left in it.
  virtual BothDirections directions(Graph& graph, const PackedSentences& text, Trace* trace = nullptr) const = 0;
  virtual OutputLayer output(Graph& graph) const = 0;  // of both directions
};

}  // namespace storm
