#include "models/transformer/layers.h"

#include <cmath>

#include "base/error.h"

namespace storm {

TransformerLayers::TransformerLayers(const TransformerConfig& c) {
  ParameterList& list = parameters;
  const BlockShape& shape = c.block;
  const BlockInit& init = c.init;
  const double deviation = 1 / std::sqrt(static_cast<double>(shape.d_model));  // the paper's sqrt(d_model) makes it 1
  const auto table = [&](const std::string& name, int64_t rows) {
    return declare_table(list, name, rows, shape.d_model, deviation);
  };
  embedding = EmbeddingTables::declare(list, c.tables, shape.d_model, deviation);
  const bool decodes = c.tables.target > 0;
  output = decodes && c.tables.share == Share::none
               ? list.of_vocabulary(table("output.weight", c.tables.target), TableSizes::kTarget)
               : embedding.target;
  if (decodes) list.multiplied(output);
  if (decodes && c.output_bias)
    output_bias = list.of_vocabulary(list.add({.name = "output.bias", .shape = {1, c.tables.target}, .vector = true}),
                                     TableSizes::kTarget);
  if (c.positions == TransformerConfig::Positions::learned) {
    source_positions = table("source_positions.weight", c.max_positions);
    if (decodes) target_positions = table("target_positions.weight", c.max_positions);
  }
  const auto norm = [&](const std::string& name, std::vector<NormLayer>& norms) {
    norms.push_back(NormLayer::declare(list, name, shape.d_model));
  };
  for (int64_t i = 0; i < c.layers.encoder; ++i) {
    const auto name = str("encoder.", i);
    EncoderLayer layer;
    layer.self = SelfAttention::declare(list, name + ".self", shape, init);
    norm(name + ".self.norm", encoder_norms);
    layer.ffn = FeedForward::declare(list, name + ".ffn", shape, init);
    norm(name + ".ffn.norm", encoder_norms);
    encoder.push_back(layer);
  }
  if (shape.pre_norm) norm("encoder.norm", encoder_norms);
  for (int64_t i = 0; i < c.layers.decoder; ++i) {
    const auto name = str("decoder.", i);
    DecoderLayer layer;
    layer.self = SelfAttention::declare(list, name + ".self", shape, init);
    norm(name + ".self.norm", decoder_norms);
    layer.cross = CrossAttention::declare(list, name + ".cross", shape, init);
    norm(name + ".cross.norm", decoder_norms);
    layer.ffn = FeedForward::declare(list, name + ".ffn", shape, init);
    norm(name + ".ffn.norm", decoder_norms);
    decoder.push_back(layer);
  }
  if (decodes && shape.pre_norm) norm("decoder.norm", decoder_norms);
}

}  // namespace storm
