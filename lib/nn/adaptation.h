// What of a model is trained, and what is added to it for that: frozen parameters, new rows of tables alone, low-rank
// updates of linear layers (LoRA, Hu et al. 2021), bottleneck adapters behind sublayers (Houlsby et al. 2019). It
// stands in the model's configuration, so that checkpoints go on with it, and changes the list of parameters after the
// layers were declared: no architecture knows of it.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "tensor/parameters.h"

namespace storm {

// The configuration's entries. The width of a model's bottleneck adapters is a part of its shape and stays in its file;
// the rest holds while it is trained.
constexpr const char* kAdapterWidthKey = "adapter_width";
constexpr const char* kAdaptationKey = "adaptation";

// Patterns are those of a shell, several joined by commas: * stands for any letters, dots too. LoRA's are for the names
// of linear layers ("layers.0.ffn.up") and of what they are stacked of ("layers.0.self.qkv.q"), the others for names of
// parameters ("layers.0.ffn.up.bias").
struct Adaptation {
  std::string freeze = {};       // parameters that are not trained, whatever else is said
  std::string heads = "head.*";  // those that are, unless they are frozen: a task brings them, and the base lacks them

  int64_t rank = 0;                         // of low-rank updates, each alpha / rank * B A; 0: there are none
  double alpha = 0;                         // A begins uniform within 1 / sqrt(in), B as zeros, so that nothing changes
  float dropout = 0;                        // of what A reads
  std::string low_rank_layers = "*.q,*.v";  // by default the queries and values of attention, as in the paper

  // Of bottleneck adapters: h + up(gelu(down(h))) is what a sublayer adds, by weights that begin with a deviation of
  // 0.01, so that little changes. 0: there are none.
  int64_t adapter_width = 0;
  bool adapters_alone = false;  // the adapters are trained, with the layer norms, as in the paper, and the head

  bool new_rows_alone = false;  // and the head; of tables of vocabularies, the rows from these on, by column
  std::vector<int64_t> frozen_pieces = {};

  std::string base = {};  // the fingerprint of the model that it was made for (models/adapted_model.h); empty: none

  // Of a configuration as a model file has it. Throws UsageError for what is out of range.
  static Adaptation from(const nlohmann::json& config);
  void put_into(nlohmann::json& config) const;  // replaces its entries
  bool operator==(const Adaptation&) const = default;
};

// Adds what the adaptation adds, and says of each parameter whether it is trained. With low-rank updates, adapters or
// new rows, nothing else is, but for heads. Throws UsageError for a pattern that matches nothing, a rank
// that is larger than the matrix, a model that has no such layers, and where nothing is left to be trained.
void adapt(ParameterList& list, const Adaptation& adaptation);

bool is_low_rank(const ParameterSpec& spec);  // an A or a B

// A layer's weight with its low-rank update, W + scale B A.
std::vector<float> merged_weight(const Parameters& parameters, ParameterId weight);

}  // namespace storm
