// Recurrent sequence-to-sequence models: Sutskever et al. 2014, Cho et al. 2014; with attention Bahdanau et al. 2015
// and Luong et al. 2015, or with their kernel in place of a product (Nadaraya 1964, Watson 1964).
#pragma once

#include "models/architecture.h"
#include "models/embedding_tables.h"
#include "ops/cells.h"

namespace storm {

struct RnnConfig {
  Cell cell;
  SideLayers layers;
  int64_t d_model;
  bool bidirectional, reverse_source, input_feeding;
  enum class Attention { none, additive, dot, general, concat, kernel, kernel_fixed } attention;
  float dropout, recurrent_dropout;
  TableSizes tables;

  static RnnConfig from(const nlohmann::json& config);  // throws UsageError
  int64_t memory_width() const { return bidirectional ? 2 * d_model : d_model; }
  bool kernel() const { return attention == Attention::kernel || attention == Attention::kernel_fixed; }
  bool attends() const { return attention != Attention::none; }
  bool feeds_context() const { return attention == Attention::additive; }
  bool tied() const { return feeds_context() || input_feeding; }  // the steps of the decoder's first layer
};

const Architecture& rnn_architecture();

}  // namespace storm
