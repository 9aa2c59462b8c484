// A model that says whether the second segment of a text goes on where the first one ends (Devlin et al. 2018, §3.1).
#pragma once

#include "models/generator.h"

namespace storm {

class NextSentence {
 public:
  static constexpr const char* kCannot = "does not say which sentence is next";
  virtual ~NextSentence() = default;

  // The layer over the pooled vector (models/text_pooler.h): two outputs, that it is next and that it is from
  // elsewhere.
  virtual OutputLayer next_sentence(Graph& graph) const = 0;
};

}  // namespace storm
