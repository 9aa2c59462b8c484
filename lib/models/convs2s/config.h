// ConvS2S: "Convolutional Sequence to Sequence Learning" (Gehring et al. 2017).
#pragma once

#include <string>
#include <vector>

#include "models/architecture.h"
#include "models/embedding_tables.h"

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
  TableSizes tables;

  static ConvS2SConfig from(const nlohmann::json& config);  // throws UsageError
};

const Architecture& convs2s_architecture();

}  // namespace storm
