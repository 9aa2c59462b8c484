// Where ConvS2S' parts lie among its parameters. Inside lib/models only.
#pragma once

#include <vector>

#include "models/convs2s/config.h"
#include "nn/normed_layer.h"

namespace storm {

struct ConvolutionLayer {
  int64_t in, kernel;
  NormedLayer residual;  // where the width changes, else none: brings the layer's input to its output's width
  NormedLayer conv;      // [2 width, kernel * in]
  // Of a decoder's layer: attention's query from its state (W_d, b_d of the paper), and what was found back to its
  // width.
  NormedLayer query, found;
};

struct ConvS2SLayers {
  explicit ConvS2SLayers(const ConvS2SConfig& config);

  ParameterList parameters;
  EmbeddingTables embedding;
  // Without a decoder, nothing of the target's: no table, no positions, no layers, no output.
  ParameterId source_positions, target_positions;  // [max_positions, d_model]
  NormedLayer encoder_in, encoder_out, decoder_in, decoder_out;
  std::vector<ConvolutionLayer> encoder, decoder;
  NormedLayer output;  // [vocabulary, d_model]; an embedding where shared, and then without a gain
};

}  // namespace storm
