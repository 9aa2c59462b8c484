#include "models/elmo/layers.h"

#include "base/error.h"

namespace storm {

// As the recurrent language model begins (models/rnn_lm/layers.cc).
ElmoLayers::ElmoLayers(const ElmoConfig& c) {
  ParameterList& list = parameters;
  const auto table = [&](const char* name) {
    return list.add({.name = name,
                     .shape = {c.vocabulary, c.d_model},
                     .init = ParameterSpec::Init::uniform,
                     .scale = 0.1f,
                     .vocabulary = 0});
  };
  embedding = table("embedding.weight");
  for (int64_t i = 0; i < c.layers; ++i)
    for (const auto& [direction, name] : {std::pair(&forward, "forward."), std::pair(&backward, "backward.")})
      direction->push_back(
          RecurrentLayer::declare(list, str(name, i), Cell::lstm, c.d_model, c.d_model, {LinearInit::Rule::fan_in}));
  output = c.shared ? embedding : table("output.weight");
  list.multiplied(output);
  output_bias = list.add({.name = "output.bias", .shape = {1, c.vocabulary}, .vector = true, .vocabulary = 0});
}

}  // namespace storm
