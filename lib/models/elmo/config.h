// ELMo: Peters et al. 2018, over the pieces of a vocabulary in place of words that characters make, and without the
// projections that its cells of 4,096 units needed.
#pragma once

#include "models/architecture.h"

namespace storm {

struct ElmoConfig {
  int64_t layers;
  int64_t d_model;  // width of embeddings and of the states of one direction
  float dropout;
  bool shared;  // the output layer is the embeddings' table
  int64_t vocabulary;

  static ElmoConfig from(const nlohmann::json& config);  // throws UsageError
};

const Architecture& elmo_architecture();

}  // namespace storm
