// Which of some vectors does not go with the others.
#pragma once

#include <cstdint>
#include <span>

namespace storm {

struct OddOne {
  std::size_t place = 0;
  double cosine = 0;  // with the mean of all
};

// vectors: [n, width], n >= 1, none of zeros -> the one whose cosine with the mean of their directions is least, of
// equal ones the first: doesnt_match of gensim, which takes the one that sorts first instead. Where the mean is zero,
// no one is odd: the cosines are 0.
OddOne odd_one_out(std::span<const float> vectors, int64_t width);

}  // namespace storm
