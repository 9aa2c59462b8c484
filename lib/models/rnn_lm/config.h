// Recurrent language models: Mikolov et al. 2010; of LSTMs Zaremba et al. 2014, with one table for embeddings and
// output layer (Press and Wolf 2017; Inan et al. 2017).
#pragma once

#include "models/architecture.h"
#include "ops/cells.h"

namespace storm {

struct RnnLmConfig {
  Cell cell;
  int64_t layers;
  int64_t d_model;  // width of embeddings and states
  float dropout, recurrent_dropout;
  bool locked_dropout;
  int64_t vocabulary;

  static RnnLmConfig from(const nlohmann::json& config);  // throws UsageError
  bool lstm() const { return cell == Cell::lstm; }
};

const Architecture& rnn_lm_architecture();

}  // namespace storm
