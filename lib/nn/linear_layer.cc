#include "nn/linear_layer.h"

#include <array>
#include <cmath>

#include "ops/join.h"
#include "ops/weighted_sum.h"

namespace storm {

namespace {

Value with_low_rank(Graph& graph, const Parameters& parameters, const LinearSpec& spec, Value x, Value weight,
                    Value bias, Activation activation, float dropout) {
  std::vector<LowRank::Part> parts;
  for (const auto& part : spec.updated)
    parts.push_back({static_cast<int32_t>(part.first), static_cast<int32_t>(part.rows)});
  const bool drops = graph.gradients() && spec.dropout > 0;
  const LowRank update{.x = drops ? join(graph, std::array{x}, spec.dropout) : x,
                       .a = parameters.in(graph, spec.a),
                       .b = parameters.in(graph, spec.b),
                       .scale = spec.scale,
                       .parts = parts};
  return linear(graph, x, weight, bias, activation, dropout, &update);
}

}  // namespace

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
  weight.linear = LinearSpec{};
  weight.use = ParameterSpec::Use::products;
  return {list.add(std::move(weight)), list.add(std::move(bias))};
}

LinearLayer LinearLayer::declare_stack(ParameterList& list, const std::string& name, int64_t in,
                                       std::vector<LinearSpec::Part> parts, LinearInit init) {
  int64_t out = 0;
  for (auto& part : parts) {
    part.first = out;
    out += part.rows;
  }
  const LinearLayer layer = declare(list, name, in, out, static_cast<int>(parts.size()), init);
  list.specs()[static_cast<std::size_t>(layer.weight.index)].linear->parts = std::move(parts);
  return layer;
}

LinearLayer LinearLayer::declare_last(ParameterList& list, const std::string& name, int64_t in, int64_t out,
                                      LinearInit init) {
  const LinearLayer layer = declare(list, name, in, out, 1, init);
  list.specs()[static_cast<std::size_t>(layer.weight.index)].linear->ends_sublayer = true;
  return layer;
}

Value LinearLayer::operator()(Graph& graph, const Parameters& parameters, Value x, Activation activation,
                              float dropout) const {
  const LinearSpec* spec = parameters.linear(weight);
  const Value w = parameters.in(graph, weight), b = parameters.in(graph, bias);
  const Value y = spec && spec->a ? with_low_rank(graph, parameters, *spec, x, w, b, activation, dropout)
                                  : linear(graph, x, w, b, activation, dropout);
  if (!spec || !spec->down_weight) return y;
  const Value inner = linear(graph, y, parameters.in(graph, spec->down_weight), parameters.in(graph, spec->down_bias),
                             Activation::gelu);
  const Value change = linear(graph, inner, parameters.in(graph, spec->up_weight), parameters.in(graph, spec->up_bias));
  return weighted_sum(graph, {y}, {change});
}

}  // namespace storm
