// GPT: the decoder of a Transformer alone, which continues text (Radford et al. 2018, 2019): pre-norm, learned
// positions, GELU, the table of embeddings for output layer.
#pragma once

#include "models/architecture.h"
#include "nn/transformer_block.h"

namespace storm {

struct GptConfig {
  int64_t layers;
  BlockShape block;
  int64_t max_positions;  // tokens that a text may have, the EOS before it included
  int64_t vocabulary;
  bool shared;  // the table of embeddings is the output layer's, too

  static GptConfig from(const nlohmann::json& config);  // throws UsageError
};

const Architecture& gpt_architecture();

}  // namespace storm
