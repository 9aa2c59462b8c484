// Drawing one id of a row that came to the CPU.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "decode/generate.h"

namespace storm {

// Draws a column by options.temperature, top_k and top_p. log_probs: [columns]; banned: columns that may not be drawn;
// uniform: in [0, 1); order: memory that is used again. total: the sum of all ids' weights, where the columns are the
// likeliest few of them; -1 is returned when these do not reach top_p of it. A total of 0 says that the columns are all
// that there are.
int32_t draw_column(std::span<const float> log_probs, std::span<const int32_t> banned, const DecodeOptions& options,
                    double uniform, std::vector<int32_t>& order, double total = 0);

// Draws an id in proportion to e^logit; kBanned is never drawn. logits: [vocabulary], of which one at least is finite.
int32_t draw_logit(std::span<const float> logits, double uniform);

}  // namespace storm
