#include "models/convs2s/layers.h"

#include <cmath>

#include "base/error.h"

namespace storm {

ConvS2SLayers::ConvS2SLayers(const ConvS2SConfig& c) {
  ParameterList& list = parameters;
  // Initial weights that keep the variance of what flows through (Gehring et al. 2017, §3.5): the gate of a linear unit
  // takes three quarters of it, dropout on the input adds 1 / kept.
  const double kept = 1 - static_cast<double>(c.dropout);
  const auto linear = [&](const std::string& name, int64_t in, int64_t out, double share = 1) {
    return NormedLayer::declare(list, name, in, out, std::sqrt(share / static_cast<double>(in)));
  };
  const auto positions = [&](const std::string& name) {
    return declare_table(list, name, c.max_positions, c.d_model, 0.1);
  };
  embedding = EmbeddingTables::declare(list, c.tables, c.d_model, 0.1);
  source_positions = positions("source_positions.weight");
  if (c.tables.target > 0) target_positions = positions("target_positions.weight");
  const auto stack = [&](const std::string& side, const std::vector<ConvolutionSize>& sizes, bool attends) {
    std::vector<ConvolutionLayer> layers;
    int64_t in = sizes.front().width;
    for (const auto& [width, kernel] : sizes) {
      const auto name = str(side, ".", layers.size());
      ConvolutionLayer layer{.in = in, .kernel = kernel, .residual = {}, .conv = {}, .query = {}, .found = {}};
      if (in != width) layer.residual = linear(name + ".residual", in, width);
      layer.conv = linear(name + ".conv", kernel * in, 2 * width, 4 * kept);
      if (attends) {
        layer.query = linear(name + ".query", width, c.d_model);
        layer.found = linear(name + ".found", c.d_model, width);
      }
      layers.push_back(layer);
      in = width;
    }
    return layers;
  };
  encoder_in = linear("encoder.in", c.d_model, c.encoder.front().width, kept);
  encoder = stack("encoder", c.encoder, false);
  encoder_out = linear("encoder.out", c.encoder.back().width, c.d_model);
  if (c.tables.target == 0) return;
  decoder_in = linear("decoder.in", c.d_model, c.decoder.front().width, kept);
  decoder = stack("decoder", c.decoder, true);
  decoder_out = linear("decoder.out", c.decoder.back().width, c.d_model);
  if (c.tables.share == Share::none) {
    output = linear("output", c.d_model, c.tables.target, kept);
    for (const auto id : {output.weight, output.gain, output.bias}) list.of_vocabulary(id, TableSizes::kTarget);
  } else {
    output.weight = list.multiplied(embedding.target);
    output.bias = list.of_vocabulary(list.add({.name = "output.bias", .shape = {1, c.tables.target}, .vector = true}),
                                     TableSizes::kTarget);
  }
}

}  // namespace storm
