// A model that says what the masked tokens of a text were (Devlin et al. 2018, §3.1). Between its states and its output
// layer stands a transform, which only the tokens that are asked about need pass.
#pragma once

#include "data/batch.h"
#include "models/generator.h"
#include "models/trace.h"

namespace storm {

class MaskedLanguageModel {
 public:
  static constexpr const char* kCannot = "does not say what masked tokens were";
  virtual ~MaskedLanguageModel() = default;

  // What the output layer reads, of some rows of the states: [rows, width] -> [rows, width].
  virtual Value transformed(Graph& graph, Value states) const = 0;
  virtual OutputLayer output(Graph& graph) const = 0;
};

}  // namespace storm
