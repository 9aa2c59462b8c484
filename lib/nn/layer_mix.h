// The states of a model's layers as one, with weights that the task on top of them learns (Peters et al. 2018, equation
// 1): where the scores and gamma lie among the model's parameters.
#pragma once

#include <span>
#include <string>

#include "ops/layer_mix.h"
#include "tensor/parameters.h"

namespace storm {

struct LayerMix {
  ParameterId scores, gamma;  // [1, layers], [1, 1]

  // It begins as the mean of the layers: all scores 0, gamma 1.
  static LayerMix declare(ParameterList& list, const std::string& name, int64_t layers) {
    return {list.add({.name = name + ".scores", .shape = {1, layers}, .vector = true}),
            list.add({.name = name + ".gamma", .shape = {1, 1}, .init = ParameterSpec::Init::ones, .vector = true})};
  }

  // layers: [tokens, width] each, as many as it was declared for -> [tokens, width]
  Value operator()(Graph& graph, const Parameters& parameters, std::span<const Value> layers) const {
    return layer_mix(graph, layers, parameters.in(graph, scores), parameters.in(graph, gamma));
  }
};

}  // namespace storm
