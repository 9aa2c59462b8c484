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
  LinearLayer keys;          // attention: [part, part]
  ParameterId query, score;  // [part, part], [1, part]
  LinearLayer attentional;   // [d_model, 2 part]: of the context and the state's part for the prediction
  ParameterId output_bias;   // [1, vocabulary]
};

}  // namespace storm
