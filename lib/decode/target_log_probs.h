// How likely a model finds given targets.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "models/encoder_decoder.h"

namespace storm {

// log p(target, EOS | source) of each pair, in their order; batches of at most max_tokens on their larger side.
// device: one that has twins of the model's parameters, or null for the CPU.
// first: the number of the first pair in errors.
// Throws Error for a pair that is longer than the model takes, and for a model whose probabilities are not numbers.
std::vector<double> target_log_probs(const EncoderDecoder& model, const SpecialIds& special,
                                     std::span<const SentencePair> pairs, int64_t max_tokens, Device* device = nullptr,
                                     int64_t first = 1);

}  // namespace storm
