// Where the recurrent models' parts lie among their parameters. Inside lib/models only.
//
// Attention with input feeding, and Bahdanau's, which feeds its context to the cell, tie the steps of one layer
// together: that is the decoder's first layer, and the others stand on what it gives out (as in GNMT, Wu et al. 2016,
// §3). Luong's without input feeding stands on the last layer, as in the paper.
#pragma once

#include <vector>

#include "models/rnn/config.h"
#include "nn/recurrent_layer.h"

namespace storm {

struct RnnLayers {
  explicit RnnLayers(const RnnConfig& config);

  struct Encoder {
    RecurrentLayer forward, backward;  // backward: bidirectional
  };
  struct Bridge {
    LinearLayer h, c;  // c: lstm
  };

  ParameterList parameters;
  EmbeddingTables embedding;
  std::vector<Encoder> encoder;
  // None of these without a decoder.
  ParameterId output;           // [vocabulary, d_model]
  std::vector<Bridge> bridges;  // of each decoder layer
  std::vector<RecurrentLayer> decoder;
  ParameterId feed;          // [gates * d_model, memory width or d_model]: where the steps are tied
  LinearLayer keys;          // general and kernel: a weight alone
  ParameterId query, score;  // [d_model, d_model], [1, d_model]: additive and concat; kernel: score alone, its width
  LinearLayer attentional;   // [d_model, memory width + d_model]: Luong's W_c
};

}  // namespace storm
