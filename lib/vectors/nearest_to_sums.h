// Rows nearest to sums of vectors, "king - man + woman": how analogies are answered.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "vectors/nearest.h"

namespace storm {

// A row's score for terms t_i with weights w_i, each of which takes part with its direction alone, t_i/|t_i|
// (Levy, Goldberg, "Linguistic regularities in sparse and explicit word representations", CoNLL 2014):
// - cosadd, their equation 3: the cosine with the sum of w_i t_i/|t_i|.
// - cosmul, their equation 4: the product of (1 + cos(t_i, row))/2 over the terms of positive weight, divided by that
//   over those of negative weight plus 1e-6. Sizes of weights have no part in it.
enum class SumScore : uint8_t { cosadd, cosmul };

struct SumTerm {
  int32_t vector = 0;  // a row of the vectors
  double weight = 1;
};

// vectors: [n, width], those that terms name, not normalised -> for each sum the k rows with the largest score, best
// first, of equal ones the lower row first. Scores are in double from the numbers as they are stored. Rows of zeros are
// nobody's neighbours; a sum of zeros (cosadd) has none. The vectors pass the index in one product, whose columns the
// sums then share: many questions of few words cost little more than the words. Memory: 2 KiB a vector and thread.
// Throws Error for NaN and infinities.
std::vector<std::vector<Neighbour>> nearest_to_sums(std::span<const VectorBlock> index, int64_t width,
                                                    std::span<const float> vectors,
                                                    std::span<const std::vector<SumTerm>> sums, SumScore score,
                                                    int64_t k);

}  // namespace storm
