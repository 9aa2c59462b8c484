// Sums of rows of n numbers.
#pragma once

#include <cstdint>

namespace storm {

// to += factor x
void add_row(const float* x, float factor, int64_t n, float* to);
// to += factor (after - before)
void add_change(const float* after, const float* before, float factor, int64_t n, float* to);

}  // namespace storm
