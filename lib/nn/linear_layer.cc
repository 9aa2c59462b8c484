#include "nn/linear_layer.h"

#include <cmath>

namespace storm {

LinearLayer LinearLayer::declare(ParameterList& list, const std::string& name, int64_t in, int64_t out, int parts) {
  const auto bound = static_cast<float>(std::sqrt(6.0 / static_cast<double>(in + out / parts)));
  return {
      list.add({.name = name + ".weight", .shape = {out, in}, .init = ParameterSpec::Init::uniform, .scale = bound}),
      list.add({.name = name + ".bias", .shape = {1, out}, .vector = true})};
}

}  // namespace storm
