// The product of few rows with a matrix of weights: a step of generation of several texts, or of a recurrent layer. It
// reads the weights once, as they lie, where oneDNN's kernels for AVX-512 rearrange them first from 16 rows on.
#pragma once

#include <cstdint>

namespace storm {

// Whether few_rows_product does it: the other shapes oneDNN does as fast or faster.
bool is_few_rows_product(bool ta, bool tb, int64_t m, int64_t n, int64_t k, float alpha, float beta);

// y[m,n] = x[m,k] W[n,k]^T, added to what y holds where `add` says so; ldx, ldw, ldy: the lengths of the stored rows.
// k >= 16. A row's bits are the same whatever the other rows are, and how many, and whatever the threads.
void few_rows_product(int64_t m, int64_t n, int64_t k, const float* x, int64_t ldx, const float* w, int64_t ldw,
                      bool add, float* y, int64_t ldy);

}  // namespace storm
