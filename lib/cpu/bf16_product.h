// Matrix products of operands rounded to bf16 (8 bits of mantissa, f32's range), summed in f32: up to twice the rate of
// f32 products on CPUs that have avx512_bf16. oneDNN's.
#pragma once

#include <cstdint>

namespace storm {

bool has_bf16_products();  // whether this CPU, and this build, have them

// As gemm (cpu/gemm.h) with alpha of 1; beta is 0 or 1.
void bf16_product(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const float* a, int64_t lda, const float* b,
                  int64_t ldb, float beta, float* c, int64_t ldc);

}  // namespace storm
