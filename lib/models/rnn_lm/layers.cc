#include "models/rnn_lm/layers.h"

#include <cmath>

#include "base/error.h"

namespace storm {

// As PyTorch's word_language_model begins: the table within 0.1, the output's bias at zero, all of a recurrent layer
// within 1 / sqrt(d_model). Attention begins as the translating models' does.
RnnLmLayers::RnnLmLayers(const RnnLmConfig& c) {
  ParameterList& list = parameters;
  embedding = list.add({.name = "embedding.weight",
                        .shape = {c.vocabulary, c.d_model},
                        .init = ParameterSpec::Init::uniform,
                        .scale = 0.1f,
                        .vocabulary = 0,
                        .use = ParameterSpec::Use::both});
  for (int64_t i = 0; i < c.layers; ++i)
    layers.push_back(
        RecurrentLayer::declare(list, str("layers.", i), c.cell, c.d_model, c.d_model, {LinearInit::Rule::fan_in}));
  if (c.window > 0) {
    const int64_t part = c.part_width();
    const auto matrix = [&](const std::string& name, int64_t rows) {
      const auto bound = static_cast<float>(std::sqrt(6.0 / static_cast<double>(rows + part)));
      return list.add({.name = name, .shape = {rows, part}, .init = ParameterSpec::Init::uniform, .scale = bound});
    };
    keys = LinearLayer::declare(list, "attention.keys", part, part);
    query = matrix("attention.query.weight", part);
    score = matrix("attention.score.weight", 1);
    attentional = LinearLayer::declare(list, "attention.out", 2 * part, c.d_model);
  }
  output_bias = list.add({.name = "output.bias", .shape = {1, c.vocabulary}, .vector = true, .vocabulary = 0});
}

}  // namespace storm
