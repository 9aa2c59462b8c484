// Makes of the vectors of a sentence's tokens those of its words, or one for all of it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "text/vocabulary.h"

namespace storm {

enum class Pool : uint8_t { mean, max, first, last, pooler };  // pooler: by the model (models/text_pooler.h), not here

// vectors: [n, out.size()], n >= 1 -> out: their mean (summed in double), the largest of each column, the first, or the
// last.
void pool(std::span<const float> vectors, Pool how, std::span<float> out);

// Divides by the Euclidean norm; a vector of zeros stays. Returns the norm (of double sums).
double normalize(std::span<float> vector);

// Where words begin: at the first piece, and at each that begins with the mark of a space (U+2581), which
// byte pieces may spell. Where a language writes no spaces, a line is a word.
std::vector<std::size_t> word_starts(std::span<const int32_t> ids, const Vocabulary& vocabulary);

}  // namespace storm
