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
  int64_t window;     // tokens back that attention reaches; 0: there is none
  bool split_states;  // keys, values and predictions are a third of the state each; else each is all of it

  static RnnLmConfig from(const nlohmann::json& config);                       // throws UsageError
  int64_t part_width() const { return split_states ? d_model / 3 : d_model; }  // of a key, of a value
  bool lstm() const { return cell == Cell::lstm; }
};

const Architecture& rnn_lm_architecture();

}  // namespace storm
