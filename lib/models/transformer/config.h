// The Transformer: "Attention Is All You Need" (Vaswani et al. 2017), with the variations of its Table 3 and the usual
// later ones (pre-norm, GELU, Swish, concatenated sinusoids) as settings.
#pragma once

#include "models/architecture.h"
#include "models/embedding_tables.h"
#include "nn/transformer_block.h"

namespace storm {

struct TransformerConfig {
  SideLayers layers;
  BlockShape block;
  BlockInit init;
  enum class Positions { sinusoidal, sinusoidal_concat, sinusoidal_halves, learned } positions;
  int64_t max_positions;  // of learned positions
  float embedding_scale;  // of the rows of the tables, before positions are added
  bool output_bias;
  TableSizes tables;

  static TransformerConfig from(const nlohmann::json& config);  // throws UsageError
};

const Architecture& transformer_architecture();

}  // namespace storm
