// A model that makes one vector of a text by parameters of its own.
#pragma once

#include "tensor/graph.h"

namespace storm {

class TextPooler {
 public:
  static constexpr const char* kCannot = "has no pooler";
  virtual ~TextPooler() = default;

  // Records what it makes of the last layer's states: [texts, width]. states: [tokens, width]; first_rows: I32
  // [texts, 1], the row of each text's first token.
  virtual Value pooled(Graph& graph, Value states, Value first_rows) const = 0;
};

}  // namespace storm
