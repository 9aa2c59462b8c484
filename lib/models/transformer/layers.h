// Where the Transformer's parts lie among its parameters. Inside lib/models only.
#pragma once

#include <vector>

#include "models/transformer/config.h"

namespace storm {

struct EncoderLayer {
  SelfAttention self;
  FeedForward ffn;
};

struct DecoderLayer {
  SelfAttention self;
  CrossAttention cross;
  FeedForward ffn;
};

struct TransformerLayers {
  explicit TransformerLayers(const TransformerConfig& config);

  ParameterList parameters;
  EmbeddingTables embedding;
  // Without a decoder, nothing of the target's: no table, no output, no positions, no layers.
  ParameterId output, output_bias;                 // [vocabulary, d_model], [1, vocabulary]; the bias may be none
  ParameterId source_positions, target_positions;  // [max_positions, d_model], only when learned
  std::vector<EncoderLayer> encoder;
  std::vector<DecoderLayer> decoder;
  std::vector<NormLayer> encoder_norms, decoder_norms;  // in the order of the sublayers; pre-norm: and the final one
};

}  // namespace storm
