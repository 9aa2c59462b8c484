#include "models/rnn/layers.h"

#include <cmath>

#include "base/error.h"

namespace storm {

RnnLayers::RnnLayers(const RnnConfig& c) {
  using Attention = RnnConfig::Attention;
  ParameterList& list = parameters;
  const int64_t d = c.d_model, m = c.memory_width(), gates = gates_of(c.cell);
  const auto matrix = [&](const std::string& name, int64_t rows, int64_t cols, int64_t fan_out) {
    const auto bound = static_cast<float>(std::sqrt(6.0 / static_cast<double>(cols + fan_out)));
    return list.add({.name = name,
                     .shape = {rows, cols},
                     .init = ParameterSpec::Init::uniform,
                     .scale = bound,
                     .use = ParameterSpec::Use::products});
  };
  const double deviation = 1 / std::sqrt(static_cast<double>(d));
  embedding = EmbeddingTables::declare(list, c.tables, d, deviation);
  output =
      c.tables.target > 0 && c.tables.share == Share::none
          ? list.of_vocabulary(declare_table(list, "output.weight", c.tables.target, d, deviation), TableSizes::kTarget)
          : embedding.target;
  if (c.tables.target > 0) list.multiplied(output);
  for (int64_t i = 0; i < c.layers.encoder; ++i) {
    const auto name = str("encoder.", i);
    const int64_t in = i == 0 ? d : m;
    Encoder layer;
    layer.forward = RecurrentLayer::declare(list, name, c.cell, in, d);
    if (c.bidirectional) layer.backward = RecurrentLayer::declare(list, name + ".backward", c.cell, in, d);
    encoder.push_back(layer);
  }
  for (int64_t i = 0; i < c.layers.decoder; ++i) {
    Bridge bridge;
    bridge.h = LinearLayer::declare(list, str("bridge.", i, ".h"), m, d);
    if (c.cell == Cell::lstm) bridge.c = LinearLayer::declare(list, str("bridge.", i, ".c"), m, d);
    bridges.push_back(bridge);
    decoder.push_back(RecurrentLayer::declare(list, str("decoder.", i), c.cell, d, d));
  }
  if (!c.attends() || c.tables.target == 0) return;
  if (c.tied()) feed = matrix("attention.feed.weight", gates * d, c.feeds_context() ? m : d, d);
  // A kernel measures how far states of the encoder are from the decoder's: the product brings them into one space.
  if (c.attention == Attention::general || c.kernel()) keys.weight = matrix("attention.keys.weight", d, m, d);
  if (c.attention == Attention::additive || c.attention == Attention::concat) {
    keys = LinearLayer::declare(list, "attention.keys", m, d);
    query = matrix("attention.query.weight", d, d, d);
    score = matrix("attention.score.weight", 1, d, 1);
    list.specs()[static_cast<std::size_t>(score.index)].use = ParameterSpec::Use::values;
  }
  if (c.attention == Attention::kernel)
    score = list.add({.name = "attention.width", .shape = {1, d}, .init = ParameterSpec::Init::ones, .vector = true});
  attentional = LinearLayer::declare(list, "attention.out", m + d, d);
  // With input feeding an op has its weight as it is, and nothing can be added to the layer.
  if (!c.input_feeding) return;
  auto& weight = list.specs()[static_cast<std::size_t>(attentional.weight.index)];
  weight.linear.reset();
  if (m % kPackedColumns != 0)
    weight.use = ParameterSpec::Use::values;  // the op takes its first m columns by themselves
}

}  // namespace storm
