#include "models/rnn_lm/layers.h"

#include "base/error.h"

namespace storm {

// As PyTorch's word_language_model begins: the table within 0.1, the output's bias at zero, all of a recurrent layer
// within 1 / sqrt(d_model).
RnnLmLayers::RnnLmLayers(const RnnLmConfig& c) {
  ParameterList& list = parameters;
  embedding = list.add({.name = "embedding.weight",
                        .shape = {c.vocabulary, c.d_model},
                        .init = ParameterSpec::Init::uniform,
                        .scale = 0.1f});
  for (int64_t i = 0; i < c.layers; ++i)
    layers.push_back(
        RecurrentLayer::declare(list, str("layers.", i), c.cell, c.d_model, c.d_model, {LinearInit::Rule::fan_in}));
  output_bias = list.add({.name = "output.bias", .shape = {1, c.vocabulary}, .vector = true});
}

}  // namespace storm
