#include "models/bert/layers.h"

#include "base/error.h"
#include "models/embedding_tables.h"

namespace storm {

BertLayers::BertLayers(const BertConfig& c) {
  constexpr double kDeviation = 0.02;  // of all weights
  const LinearInit init{LinearInit::Rule::normal, kDeviation};
  const BlockInit block{.attention_in = init, .attention_out = init, .up = init, .down = init};
  ParameterList& list = parameters;
  const int64_t width = c.block.d_model;
  embedding = list.of_vocabulary(declare_table(list, "embedding.weight", c.vocabulary, width, kDeviation), 0);
  positions = declare_table(list, "positions.weight", c.max_positions, width, kDeviation);
  segments = declare_table(list, "segments.weight", c.segments, width, kDeviation);
  embedding_norm = NormLayer::declare(list, "embedding.norm", width);
  for (int64_t i = 0; i < c.layers; ++i) {
    const auto name = str("layers.", i);
    Layer layer;
    layer.self = SelfAttention::declare(list, name + ".self", c.block, block);
    norms.push_back(NormLayer::declare(list, name + ".self.norm", width));
    layer.ffn = FeedForward::declare(list, name + ".ffn", c.block, block);
    norms.push_back(NormLayer::declare(list, name + ".ffn.norm", width));
    layers.push_back(layer);
  }
  if (c.pooler) pooler = LinearLayer::declare(list, "pooler", width, width, 1, init);
  if (c.next_sentence) next_sentence = LinearLayer::declare(list, "next_sentence", width, 2, 1, init);
  if (!c.masked_lm) return;
  masked_lm.transform = LinearLayer::declare(list, "masked_lm.transform", width, width, 1, init);
  masked_lm.norm = NormLayer::declare(list, "masked_lm.norm", width);
  masked_lm.output =
      c.share_embeddings
          ? embedding
          : list.of_vocabulary(declare_table(list, "masked_lm.output.weight", c.vocabulary, width, kDeviation), 0);
  list.multiplied(masked_lm.output);
  masked_lm.bias =
      list.of_vocabulary(list.add({.name = "masked_lm.bias", .shape = {1, c.vocabulary}, .vector = true}), 0);
}

}  // namespace storm
