// Where GPT's parts lie among its parameters. Inside lib/models only.
#pragma once

#include <vector>

#include "models/gpt/config.h"

namespace storm {

struct GptLayers {
  explicit GptLayers(const GptConfig& config);

  struct Layer {
    SelfAttention self;
    FeedForward ffn;
  };

  ParameterList parameters;
  ParameterId embedding, output;  // [vocabulary, d_model]; the same one where shared
  ParameterId positions;          // [max_positions, d_model]
  std::vector<Layer> layers;
  std::vector<NormLayer> norms;  // in the order of the sublayers, and the final one
};

}  // namespace storm
