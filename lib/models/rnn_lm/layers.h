// Where the recurrent language model's parts lie among its parameters. Inside lib/models only.
#pragma once

#include <vector>

#include "models/rnn_lm/config.h"
#include "nn/recurrent_layer.h"

namespace storm {

struct RnnLmLayers {
  explicit RnnLmLayers(const RnnLmConfig& config);

  ParameterList parameters;
  ParameterId embedding;  // [vocabulary, d_model]: the output layer's, too
  std::vector<RecurrentLayer> layers;
  ParameterId output_bias;  // [1, vocabulary]
};

}  // namespace storm
