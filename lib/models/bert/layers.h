// Where BERT's parts lie among its parameters. Inside lib/models only.
#pragma once

#include <vector>

#include "models/bert/config.h"

namespace storm {

struct BertLayers {
  explicit BertLayers(const BertConfig& config);

  struct Layer {
    SelfAttention self;
    FeedForward ffn;
  };
  struct MaskedLm {
    LinearLayer transform;  // [d_model, d_model]
    NormLayer norm;
    ParameterId output;  // [vocabulary, d_model]
    ParameterId bias;    // [1, vocabulary]
  };

  ParameterList parameters;
  ParameterId embedding;  // [vocabulary, d_model]
  ParameterId positions;  // [max_positions, d_model]
  ParameterId segments;   // [segments, d_model]
  NormLayer embedding_norm;
  std::vector<Layer> layers;
  std::vector<NormLayer> norms;  // in the order of the sublayers
  LinearLayer pooler;            // [d_model, d_model]; none without it, and so of the next two
  LinearLayer next_sentence;     // [2, d_model]
  MaskedLm masked_lm;
};

}  // namespace storm
