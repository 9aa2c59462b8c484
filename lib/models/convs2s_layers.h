// ConvS2S's configuration and parts. Inside lib/models only.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "nn/normed_layer.h"

namespace storm {

struct ConvolutionSize {
  int64_t width, kernel;
  bool operator==(const ConvolutionSize&) const = default;
};

// "512x3*4,1024x3*2": four layers of width 512 and kernel 3, then two of width 1024. Throws UsageError that names the
// flag, the place and the form.
std::vector<ConvolutionSize> convolutions_from(const std::string& flag, const std::string& text);

struct ConvS2SConfig {
  std::vector<ConvolutionSize> encoder, decoder;
  int64_t d_model;        // of embeddings, of the encoder's outputs and of attention
  int64_t max_positions;  // of learned positions
  float dropout;
  enum class Share { all, target, none } share;  // which embedding tables are one
  int64_t source_vocabulary, target_vocabulary;

  static ConvS2SConfig from(const nlohmann::json& config);  // throws UsageError
};

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
  ParameterId source_embedding, target_embedding;  // [vocabulary, d_model]; the same one where shared
  ParameterId source_positions, target_positions;  // [max_positions, d_model]
  NormedLayer encoder_in, encoder_out, decoder_in, decoder_out;
  std::vector<ConvolutionLayer> encoder, decoder;
  NormedLayer output;  // [vocabulary, d_model]; an embedding where shared, and then without a gain
};

}  // namespace storm
