// What each parameter's rate is multiplied by: layer-wise decay and a rate of its own for the head.
#pragma once

#include <string_view>
#include <vector>

#include "tensor/parameters.h"
#include "train/optimizer.h"

namespace storm {

// Parameters of a head: those of what was put on a model for its task.
inline bool is_of_head(std::string_view name) { return name.starts_with("head."); }

// For each spec. Embeddings, positions and segments are at depth 0, layer i of L (from 0) of its stack, "layers.i." or
// "encoder.i.", at i + 1, all else (final norms, output layers, heads) at L + 1; the factor is layer_decay to the power
// of L + 1 - depth (Clark et al. 2020, as Bao et al. 2022 number the depths), and of "head.*" head_lr_scale times that.
// L: of embeddings, the deepest stack's. Throws UsageError for a head_lr_scale other than 1 where there is no head.
std::vector<double> rate_factors(const Parameters& parameters, const OptimizerOptions& options);

}  // namespace storm
