#include "nn/linear_layer.h"

#include <cmath>

namespace storm {

LinearLayer LinearLayer::declare(ParameterList& list, const std::string& name, int64_t in, int64_t out, int parts,
                                 LinearInit init) {
  using Init = ParameterSpec::Init;
  const bool fan_in = init.rule == LinearInit::Rule::fan_in;
  const double bound =
      fan_in ? 1 / std::sqrt(static_cast<double>(in)) : std::sqrt(6.0 / static_cast<double>(in + out / parts));
  ParameterSpec weight{.name = name + ".weight", .shape = {out, in}, .init = Init::uniform};
  weight.scale = static_cast<float>(init.gain * bound);
  if (init.rule == LinearInit::Rule::normal) {
    weight.init = Init::normal;
    weight.scale = static_cast<float>(init.gain);
  }
  ParameterSpec bias{.name = name + ".bias", .shape = {1, out}, .vector = true};
  if (fan_in) {
    bias.init = Init::uniform;
    bias.scale = static_cast<float>(bound);
  }
  return {list.add(std::move(weight)), list.add(std::move(bias))};
}

}  // namespace storm
