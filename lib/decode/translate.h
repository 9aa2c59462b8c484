// From source sentences to target sentences.
#pragma once

#include <span>
#include <vector>

#include "decode/generate.h"
#include "models/encoder_decoder.h"

namespace storm {

// Answers in the order of the sources, at least one each. A source without tokens is answered without the model: by its
// prefix, with a score of 0. prefixes: empty, or one for each source: what its hypotheses begin with.
// kept: as generate has it.
// Throws Error for a source that is longer than the model takes, unless options.long_sources says otherwise, and for a
// model whose probabilities are not numbers.
std::vector<Hypotheses> translate(const EncoderDecoder& model, const SpecialIds& special,
                                  std::span<const std::span<const int32_t>> sources, const DecodeOptions& options,
                                  std::span<const std::span<const int32_t>> prefixes = {},
                                  std::vector<Workspace>* kept = nullptr);

}  // namespace storm
