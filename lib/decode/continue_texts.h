// From the beginning of a text to its continuation.
#pragma once

#include <span>
#include <vector>

#include "decode/generate.h"
#include "models/generator.h"

namespace storm {

// Answers in the order of the texts: text and continuation; scores are the continuation's. A text without tokens is
// continued from EOS. longest: tokens that the model takes, EOS included. options.min_length and max_length count the
// new tokens. kept: as generate has it. options.slide: of a text that is longer than the model takes, the last part
// alone is read, so that at least half of the model's longest text is left for what is new, or max_length where that is
// less. Throws Error for a text that leaves no room for a token without it, and for a model whose probabilities are not
// numbers.
std::vector<Hypotheses> continue_texts(const Generator& model, int64_t longest, int32_t eos,
                                       std::span<const std::span<const int32_t>> texts, const DecodeOptions& options,
                                       std::vector<Workspace>* kept = nullptr);

}  // namespace storm
