// Ancestral sampling over one batch, with temperature, top-k (Fan et al. 2018, §4) and top-p (Holtzman et al. 2020,
// §3.1).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "decode/sorted_batches.h"

namespace storm {

// options.nbest samples of each sentence of the batch, likeliest first.
std::vector<Hypotheses> sample(const Generator& model, const SpecialIds& special, const DecodeOptions& options,
                               Workspace& workspace, const DecodingBatch& batch);

}  // namespace storm
