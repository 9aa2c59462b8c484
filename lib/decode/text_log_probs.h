// How likely a model finds given texts.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "models/language_model.h"

namespace storm {

// log p(text, EOS) of each text by itself, as it stands behind an EOS, in their order; batches of at most max_tokens.
// device: one that has twins of the model's parameters, or null for the CPU.
// first: the number of the first text in errors.
// Throws Error for a text that is longer than the model takes, and for a model whose probabilities are not numbers.
std::vector<double> text_log_probs(const LanguageModel& model, int32_t eos,
                                   std::span<const std::span<const int32_t>> texts, int64_t max_tokens,
                                   Device* device = nullptr, int64_t first = 1);

}  // namespace storm
