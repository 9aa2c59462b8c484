// The sums of a matrix's columns: the gradients of biases and gains. Inside lib/ops only.
#pragma once

#include <cstdint>

namespace storm {

// into[0..n) = beta * into + the sum over the rows of d [rows, ld]. A thread owns whole columns and takes the rows in
// their order, so that the count of threads does not change the bits. beta: 0 or 1.
void add_column_sums(float* into, float beta, const float* d, int64_t rows, int64_t n, int64_t ld);

}  // namespace storm
