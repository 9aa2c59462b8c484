// A linear or convolutional layer under weight normalisation (ops/weight_norm.h): where its rows' directions and
// lengths and its bias lie among the model's parameters.
#pragma once

#include <string>

#include "ops/weight_norm.h"
#include "tensor/parameters.h"

namespace storm {

struct NormedLayer {
  ParameterId weight, gain, bias;  // [out, in], [1, out], [1, out]

  // weight: normal with this standard deviation; gain: the lengths of its rows, so that the layer begins as one without
  // the normalisation would. in: for a convolution, of the whole window.
  static NormedLayer declare(ParameterList& list, const std::string& name, int64_t in, int64_t out, double deviation) {
    const ParameterId weight = list.add({.name = name + ".weight",
                                         .shape = {out, in},
                                         .init = ParameterSpec::Init::normal,
                                         .scale = static_cast<float>(deviation)});
    return {weight,
            list.add({.name = name + ".gain",
                      .shape = {1, out},
                      .init = ParameterSpec::Init::row_lengths,
                      .of = weight.index,
                      .vector = true}),
            list.add({.name = name + ".bias", .shape = {1, out}, .vector = true})};
  }

  // -> [out, in]
  Value normalised(Graph& graph, const Parameters& parameters) const {
    return weight_norm(graph, parameters.in(graph, weight), parameters.in(graph, gain));
  }
};

}  // namespace storm
