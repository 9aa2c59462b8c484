#include "train/rate_factors.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <regex>
#include <string>

#include "base/error.h"
#include "base/number.h"

namespace storm {

namespace {

// The stack of layers that a parameter is of, and its layer's number; no stack: -1.
struct Place {
  std::string stack;
  int64_t layer = -1;
};

Place place_of(const std::string& name) {
  static const std::regex numbered("([a-z_]+)\\.([0-9]{1,4})\\..*");
  std::smatch parts;
  if (!std::regex_match(name, parts, numbered)) return {};
  return {parts[1].str(), *parse_number<int64_t>(parts[2].str())};
}

bool is_of_input(const std::string& name) {
  const auto first = name.substr(0, name.find('.'));
  return first.ends_with("embedding") || first.ends_with("positions") || first == "segments";
}

}  // namespace

std::vector<double> rate_factors(const Parameters& parameters, const OptimizerOptions& options) {
  const auto& specs = parameters.specs();
  if (options.head_lr_scale != 1 && std::ranges::none_of(specs, is_of_head, &ParameterSpec::name))
    throw UsageError("--head-lr-scale: the model has no head (parameters head.*); leave it out");
  std::map<std::string, int64_t> layers;  // of each stack
  int64_t deepest = 0;
  for (const auto& spec : specs)
    if (const auto place = place_of(spec.name); place.layer >= 0) {
      auto& count = layers[place.stack];
      count = std::max(count, place.layer + 1);
      deepest = std::max(deepest, count);
    }
  std::vector<double> factors;
  for (const auto& spec : specs) {
    const auto place = place_of(spec.name);
    int64_t above = 0;  // depths that lie above it
    if (place.layer >= 0)
      above = layers.at(place.stack) - place.layer;
    else if (is_of_input(spec.name))
      above = deepest + 1;
    factors.push_back(std::pow(options.layer_decay, static_cast<double>(above)) *
                      (is_of_head(spec.name) ? options.head_lr_scale : 1));
  }
  return factors;
}

}  // namespace storm
