// The layer norm of a sublayer, with the residual and the dropout before it.
#pragma once

#include <string>

#include "ops/residual_norm.h"
#include "tensor/parameters.h"

namespace storm {

struct NormLayer {
  ParameterId gain, bias;

  static NormLayer declare(ParameterList& list, const std::string& name, int64_t d_model) {
    return {
        list.add({.name = name + ".weight", .shape = {1, d_model}, .init = ParameterSpec::Init::ones, .vector = true}),
        list.add({.name = name + ".bias", .shape = {1, d_model}, .vector = true})};
  }

  // x, h: [tokens, d_model]; h may be none
  ResidualNorm operator()(Graph& graph, const Parameters& parameters, Value x, Value h, float epsilon,
                          float dropout) const {
    return residual_norm(graph, x, h, parameters.in(graph, gain), parameters.in(graph, bias), epsilon, dropout);
  }
};

}  // namespace storm
