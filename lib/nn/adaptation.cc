#include "nn/adaptation.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/name_patterns.h"
#include "base/settings.h"
#include "base/split.h"

namespace storm {

namespace {

using nlohmann::json;

std::string layer_of(const ParameterSpec& weight) { return weight.name.substr(0, weight.name.rfind('.')); }

void add_low_rank(std::vector<ParameterSpec>& specs, const Adaptation& f) {
  struct Target {
    std::size_t weight;
    int32_t part;  // -1: the whole matrix
  };
  std::vector<Target> targets;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    if (!specs[i].linear) continue;
    const auto& parts = specs[i].linear->parts;
    targets.push_back({i, -1});
    names.push_back(layer_of(specs[i]));
    for (std::size_t p = 0; p < parts.size(); ++p) {
      targets.push_back({i, static_cast<int32_t>(p)});
      names.push_back(layer_of(specs[i]) + "." + parts[p].name);
    }
  }
  const auto taken = matched_names("--lora-layers", f.low_rank_layers, names);
  const auto add = [&](ParameterSpec spec) {
    specs.push_back(std::move(spec));
    return ParameterId{static_cast<int32_t>(specs.size()) - 1};
  };
  for (std::size_t t = 0; t < targets.size(); ++t) {
    const auto weight = targets[t].weight;
    const Shape shape = specs[weight].shape;
    const auto& linear = *specs[weight].linear;
    const bool whole = linear.updated.size() == 1 && linear.updated[0].rows == shape.rows;
    if (!taken[t] || (whole && targets[t].part >= 0)) continue;
    const auto part = targets[t].part < 0 ? LinearSpec::Part{"", 0, shape.rows}
                                          : linear.parts[static_cast<std::size_t>(targets[t].part)];
    if (f.rank > std::min(part.rows, shape.cols))
      throw UsageError(str("--lora ", f.rank, ": ", names[t], " is a matrix of [", part.rows, ", ", shape.cols,
                           "], whose rank is no more than ", std::min(part.rows, shape.cols), "; give a smaller one"));
    specs[weight].linear->updated.push_back(part);
  }
  for (std::size_t i = 0, n = specs.size(); i < n; ++i) {
    if (!specs[i].linear || specs[i].linear->updated.empty()) continue;
    auto linear = *specs[i].linear;
    int64_t rows = 0;
    for (const auto& part : linear.updated) rows += part.rows;
    const auto name = layer_of(specs[i]);
    const int64_t in = specs[i].shape.cols;
    linear.a = add({.name = name + ".lora_a",
                    .shape = {std::ssize(linear.updated) * f.rank, in},
                    .init = ParameterSpec::Init::uniform,
                    .scale = static_cast<float>(1 / std::sqrt(static_cast<double>(in)))});
    linear.b = add({.name = name + ".lora_b", .shape = {rows, f.rank}});
    linear.scale = static_cast<float>(f.alpha / static_cast<double>(f.rank));
    linear.dropout = f.dropout;
    specs[i].linear = std::move(linear);
  }
}

void add_adapters(std::vector<ParameterSpec>& specs, int64_t width) {
  constexpr float kDeviation = 0.01f;
  bool any = false;
  for (std::size_t i = 0, n = specs.size(); i < n; ++i) {
    if (!specs[i].linear || !specs[i].linear->ends_sublayer) continue;
    any = true;
    const int64_t d = specs[i].shape.rows;
    const auto name = layer_of(specs[i]) + ".adapter";
    const auto add = [&](const std::string& layer, int64_t in, int64_t out) {
      const auto weight = static_cast<int32_t>(specs.size());
      specs.push_back({.name = name + layer + ".weight",
                       .shape = {out, in},
                       .init = ParameterSpec::Init::normal,
                       .scale = kDeviation});
      specs.push_back({.name = name + layer + ".bias", .shape = {1, out}, .vector = true});
      return ParameterId{weight};
    };
    const ParameterId down = add(".down", d, width), up = add(".up", width, d);
    auto& linear = *specs[i].linear;
    linear.down_weight = down, linear.down_bias = {down.index + 1};
    linear.up_weight = up, linear.up_bias = {up.index + 1};
  }
  if (!any) throw UsageError("--adapters: the model has no Transformer's sublayers to put them behind");
}

bool is_of_adapter(const std::string& name) { return name.find(".adapter.") != name.npos; }

// Says what is trained. own: so many parameters are the model's without what was added.
void choose(std::vector<ParameterSpec>& specs, const Adaptation& f, std::size_t own) {
  const auto grown = [&](const ParameterSpec& spec) {  // it has rows for new pieces
    return spec.vocabulary >= 0 && spec.vocabulary < std::ssize(f.frozen_pieces) &&
           f.frozen_pieces[static_cast<std::size_t>(spec.vocabulary)] <
               (spec.vector ? spec.shape.cols : spec.shape.rows);
  };
  const auto is_of_head = [patterns = split_at_commas(f.heads)](const std::string& name) {
    return std::ranges::any_of(patterns, [&](const auto& pattern) { return name_matches(pattern, name); });
  };
  const bool alone = f.rank > 0 || f.adapters_alone || f.new_rows_alone;
  for (ParameterSpec& spec : specs) {
    const auto& name = spec.name;
    const bool new_rows = f.new_rows_alone && grown(spec);
    const bool norm = name.find("norm.") != name.npos;
    spec.trained = spec.trained && (!alone || is_low_rank(spec) || is_of_head(name) || new_rows ||
                                    (f.adapters_alone && (is_of_adapter(name) || norm)));
  }
  if (!f.freeze.empty()) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < own; ++i) names.push_back(specs[i].name);
    const auto taken = matched_names("--freeze", f.freeze, names);
    for (std::size_t i = 0; i < own; ++i) specs[i].trained = specs[i].trained && !taken[i];
  }
  // Also of a table that is frozen as a whole: its new rows are in no file of the base.
  for (ParameterSpec& spec : specs)
    if (grown(spec) && (f.new_rows_alone || !spec.trained))
      spec.frozen = f.frozen_pieces[static_cast<std::size_t>(spec.vocabulary)];
  if (!specs.empty() && std::ranges::none_of(specs, &ParameterSpec::trained))
    throw UsageError(f.new_rows_alone ? "--train-new-rows: the vocabulary has no new pieces, and nothing is trained"
                                      : "--freeze: nothing is left to be trained");
}

}  // namespace

bool is_low_rank(const ParameterSpec& spec) {
  return spec.added && (spec.name.ends_with(".lora_a") || spec.name.ends_with(".lora_b"));
}

Adaptation Adaptation::from(const json& config) {
  Adaptation f;
  if (config.contains(kAdapterWidthKey)) f.adapter_width = Settings(config).whole(kAdapterWidthKey, 1, 1 << 20);
  const auto found = config.find(kAdaptationKey);
  if (found == config.end()) return f;
  require(found->is_object(), "configuration: \"", kAdaptationKey, "\" is no object");
  const Settings s(*found);
  const auto text = [&](const char* key, std::string& to) {
    if (!found->contains(key)) return;
    require(s.at(key).is_string(), "configuration: \"", key, "\" is no text");
    to = s.at(key).get<std::string>();
  };
  const auto flag = [&](const char* key, bool& to) {
    if (found->contains(key)) to = s.on(key);
  };
  text("freeze", f.freeze);
  text("heads", f.heads);
  if (found->contains("lora")) {
    f.rank = s.whole("lora", 1, 1 << 20);
    const auto& alpha = s.at("lora_alpha");
    require(alpha.is_number() && alpha >= 0 && alpha <= 1e6, "configuration: \"lora_alpha\" is no number from 0 on");
    f.alpha = alpha.get<double>();
    f.dropout = s.real("lora_dropout", 0, 1);
    text("lora_layers", f.low_rank_layers);
  }
  flag("adapters_alone", f.adapters_alone);
  flag("new_rows_alone", f.new_rows_alone);
  if (found->contains("frozen_pieces")) {
    for (const auto& pieces : s.at("frozen_pieces")) {
      require(pieces.is_number_integer() && pieces >= 0 && pieces <= 1 << 24,
              "configuration: \"frozen_pieces\" are no numbers of pieces");
      f.frozen_pieces.push_back(pieces.get<int64_t>());
    }
  }
  text("base", f.base);
  return f;
}

void Adaptation::put_into(json& config) const {
  config.erase(kAdapterWidthKey);
  config.erase(kAdaptationKey);
  if (adapter_width > 0) config[kAdapterWidthKey] = adapter_width;
  json own = json::object();
  if (!freeze.empty()) own["freeze"] = freeze;
  if (heads != Adaptation().heads) own["heads"] = heads;
  if (rank > 0)
    own.update({{"lora", rank}, {"lora_alpha", alpha}, {"lora_dropout", dropout}, {"lora_layers", low_rank_layers}});
  if (adapters_alone) own["adapters_alone"] = "yes";
  if (new_rows_alone) own["new_rows_alone"] = "yes";
  if (!frozen_pieces.empty()) own["frozen_pieces"] = frozen_pieces;
  if (!base.empty()) own["base"] = base;
  if (!own.empty()) config[kAdaptationKey] = own;
}

void adapt(ParameterList& list, const Adaptation& f) {
  auto& specs = list.specs();
  const std::size_t own = specs.size();
  if (f.adapter_width > 0) add_adapters(specs, f.adapter_width);
  if (f.rank > 0) add_low_rank(specs, f);
  for (std::size_t i = own; i < specs.size(); ++i) specs[i].added = true;
  choose(specs, f, own);
}

std::vector<float> merged_weight(const Parameters& parameters, ParameterId weight) {
  const auto values = parameters.view(weight);
  std::vector<float> merged(values.begin(), values.end());
  const LinearSpec* linear = parameters.linear(weight);
  if (!linear || !linear->a) return merged;
  const auto a = parameters.view(linear->a), b = parameters.view(linear->b);
  const auto in = static_cast<std::size_t>(parameters.specs()[static_cast<std::size_t>(weight.index)].shape.cols);
  const std::size_t rank = a.size() / in / linear->updated.size();
  std::size_t b_row = 0;
  std::vector<double> sum(in);
  for (std::size_t p = 0; p < linear->updated.size(); ++p) {
    const auto& part = linear->updated[p];
    for (std::size_t r = 0; r < static_cast<std::size_t>(part.rows); ++r, ++b_row) {
      std::ranges::fill(sum, 0.0);
      for (std::size_t k = 0; k < rank; ++k) {
        const double factor = static_cast<double>(b[b_row * rank + k]);
        for (std::size_t i = 0; i < in; ++i) sum[i] += factor * static_cast<double>(a[(p * rank + k) * in + i]);
      }
      float* row = merged.data() + (static_cast<std::size_t>(part.first) + r) * in;
      for (std::size_t i = 0; i < in; ++i)
        row[i] = static_cast<float>(static_cast<double>(row[i]) + static_cast<double>(linear->scale) * sum[i]);
    }
  }
  return merged;
}

}  // namespace storm
