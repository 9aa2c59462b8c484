// A recurrent layer: where the weights of its input, its state and its gates' biases lie among the model's parameters.
#pragma once

#include <cmath>
#include <string>

#include "nn/linear_layer.h"
#include "ops/recurrent.h"

namespace storm {

struct RecurrentLayer {
  Cell cell = Cell::lstm;
  LinearLayer input;         // [gates * h, in]: of all tokens at once; its bias serves the state's product too
  ParameterId weight, bias;  // recurrent: [gates * h, h]; the gru's gate n alone has a bias of its own: [1, h]

  // The recurrent weights begin uniform within 1 / sqrt(h), those of the input by `init`, and by its rule the gru's
  // bias: with Rule::fan_in and in = h, as torch.nn.LSTM's and torch.nn.GRU's, which have a second bias where this has
  // one.
  static RecurrentLayer declare(ParameterList& list, const std::string& name, Cell cell, int64_t in, int64_t h,
                                LinearInit init = {}) {
    using Init = ParameterSpec::Init;
    const auto gates = static_cast<int>(gates_of(cell));
    const auto bound = static_cast<float>(1 / std::sqrt(static_cast<double>(h)));
    RecurrentLayer layer{.cell = cell,
                         .input = LinearLayer::declare(list, name + ".input", in, gates * h, gates, init),
                         .weight = list.add({.name = name + ".recurrent.weight",
                                             .shape = {gates * h, h},
                                             .init = Init::uniform,
                                             .scale = bound,
                                             .use = ParameterSpec::Use::products}),
                         .bias = {}};
    if (cell != Cell::gru) return layer;
    ParameterSpec bias{.name = name + ".recurrent.bias", .shape = {1, h}, .vector = true};
    if (init.rule == LinearInit::Rule::fan_in) {
      bias.init = Init::uniform;
      bias.scale = bound;
    }
    layer.bias = list.add(std::move(bias));
    return layer;
  }

  // x: [tokens, in]. What the ops take, without the states it begins with.
  CellInput operator()(Graph& graph, const Parameters& parameters, Value x, Value offsets, float dropout) const {
    return {.cell = cell,
            .x = input(graph, parameters, x),
            .weight = parameters.in(graph, weight),
            .bias = parameters.in(graph, bias),
            .offsets = offsets,
            .dropout = dropout};
  }
};

}  // namespace storm
