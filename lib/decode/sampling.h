// Ancestral sampling over one batch, with temperature, top-k (Fan et al. 2018, §4) and top-p (Holtzman et al. 2020,
// §3.1).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "decode/batches.h"

namespace storm {

// options.nbest samples of each sentence of the batch, likeliest first.
std::vector<Hypotheses> sample(const Model& model, const SpecialIds& special, const DecodeOptions& options,
                               Workspace& workspace, const SourceBatch& batch);

// Draws an id. log_probs: [vocabulary]; banned: an id that may not be drawn, or -1; uniform: in [0, 1).
// order: memory that is used again.
int32_t draw(std::span<const float> log_probs, int32_t banned, const DecodeOptions& options, double uniform,
             std::vector<int32_t>& order);

}  // namespace storm
