// Matrix products of operands rounded to bf16 (8 bits of mantissa, f32's range), summed in f32: up to twice the rate of
// f32 products on CPUs that have avx512_bf16. oneDNN's.
#pragma once

#include <cstdint>

namespace storm {

using Bf16 = uint16_t;  // the upper half of a float's bits

bool has_bf16_products();  // whether this CPU, and this build, have them

// to[i] = from[i] rounded to the nearest bf16, ties to even; a NaN stays one.
void round_to_bf16(const float* from, Bf16* to, int64_t n);
// The same of a matrix, by all threads; to: [rows, cols] without gaps.
void round_to_bf16(const float* from, int64_t rows, int64_t cols, int64_t ld, Bf16* to);

// As gemm (cpu/gemm.h) with alpha of 1; beta is 0 or 1.
void bf16_product(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const Bf16* a, int64_t lda, const Bf16* b,
                  int64_t ldb, float beta, float* c, int64_t ldc);

}  // namespace storm
