// The sum of two rows, which several ops take on their way. Inside lib/ops only.
#pragma once

#include <cstdint>

namespace storm {

// out = a + b; out may be one of them
void add_rows(const float* a, const float* b, int64_t n, float* out);

}  // namespace storm
