// The product of one row with a matrix of weights: a step of generation of a single text, which reads all weights once
// for it. oneDNN walks several rows of the weights side by side; one after another they come from memory at nearly the
// rate that the machine reads at.
#pragma once

#include <cstdint>

namespace storm {

// Whether row_product does it. What a cache holds oneDNN reads faster, longer rows as fast.
constexpr bool is_row_product(bool ta, bool tb, int64_t m, int64_t n, int64_t k, float alpha, float beta) {
  return m == 1 && !ta && tb && alpha == 1 && beta == 0 && k % 16 == 0 && k <= 2048 && n * k >= int64_t{1} << 19;
}

// y[n] = W[n,k] x[k]; ldw: the length of W's stored rows. Sums in the order of oneDNN 2.6's own
// kernel for AVX-512, to the same bits.
void row_product(int64_t n, int64_t k, const float* x, const float* w, int64_t ldw, float* y);

}  // namespace storm
