// Sums of rows of n numbers, a multiple of 16.
#pragma once

#include <cstdint>

namespace storm {

// to = copy = the sum of m rows, each times its weight.
void sum_rows(const float* const* rows, const float* weights, int64_t m, int64_t n, float* to, float* copy);
// to += factor (after - before)
void add_change(const float* after, const float* before, float factor, int64_t n, float* to);
// Each of m rows += after - before.
void add_change_to_each(const float* after, const float* before, int64_t n, float* const* rows, int64_t m);

}  // namespace storm
