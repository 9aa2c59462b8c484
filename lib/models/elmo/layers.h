// Where ELMo's parts lie among its parameters. Inside lib/models only.
#pragma once

#include <vector>

#include "models/elmo/config.h"
#include "nn/recurrent_layer.h"

namespace storm {

struct ElmoLayers {
  explicit ElmoLayers(const ElmoConfig& config);

  ParameterList parameters;
  ParameterId embedding;                          // [vocabulary, d_model]: of both directions
  std::vector<RecurrentLayer> forward, backward;  // LSTMs
  ParameterId output, output_bias;                // [vocabulary, d_model], which may be the embeddings; [1, vocabulary]
};

}  // namespace storm
