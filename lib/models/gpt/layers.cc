#include "models/gpt/layers.h"

#include <cmath>

#include "base/error.h"
#include "models/embedding_tables.h"

namespace storm {

// All weights begin with a standard deviation of 0.02. Those that add to the residual stream, two a layer, begin
// smaller, so that the sum of all has the deviation of one (Radford et al. 2019, §2.3).
GptLayers::GptLayers(const GptConfig& c) {
  constexpr double kDeviation = 0.02;
  const LinearInit inner{LinearInit::Rule::normal, kDeviation};
  const LinearInit residual{LinearInit::Rule::normal, kDeviation / std::sqrt(2 * static_cast<double>(c.layers))};
  const BlockInit init{.attention_in = inner, .attention_out = residual, .up = inner, .down = residual};
  ParameterList& list = parameters;
  const auto table = [&](const char* name) {
    return list.of_vocabulary(declare_table(list, name, c.vocabulary, c.block.d_model, kDeviation), 0);
  };
  embedding = table("embedding.weight");
  output = list.multiplied(c.shared ? embedding : table("output.weight"));
  positions = declare_table(list, "positions.weight", c.max_positions, c.block.d_model, kDeviation);
  for (int64_t i = 0; i < c.layers; ++i) {
    const auto name = str("layers.", i);
    Layer layer;
    layer.self = SelfAttention::declare(list, name + ".self", c.block, init);
    norms.push_back(NormLayer::declare(list, name + ".self.norm", c.block.d_model));
    layer.ffn = FeedForward::declare(list, name + ".ffn", c.block, init);
    norms.push_back(NormLayer::declare(list, name + ".ffn.norm", c.block.d_model));
    layers.push_back(layer);
  }
  norms.push_back(NormLayer::declare(list, "norm", c.block.d_model));
}

}  // namespace storm
