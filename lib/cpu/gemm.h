// The f32 matrix product, row-major: C[m,n] = alpha * op(A)[m,k] * op(B)[k,n] + beta * C. op(X) is X, or its transpose
// where `t` says so; lda, ldb, ldc are the lengths of the stored rows. All OpenMP threads work on it, unless the caller
// is inside a parallel region. The same shape gives the same bits on the same machine with the same number of threads.
#pragma once

#include <cstdint>
#include <string>

namespace storm {

void gemm(bool ta, bool tb, int64_t m, int64_t n, int64_t k, float alpha, const float* a, int64_t lda, const float* b,
          int64_t ldb, float beta, float* c, int64_t ldc);

// Which library and kernels run, for the log: "oneDNN 2.6.3, OpenBLAS 0.3.21 SkylakeX (OpenMP)".
std::string gemm_description();

// Debian's OpenBLAS takes AVX2 kernels on CPUs that it does not know. When the CPU has AVX-512 and OpenBLAS does not
// use it, starts the program again with OPENBLAS_CORETYPE set, at most once; call it first in main. Does nothing where
// OpenBLAS is not the one that is used.
void prefer_avx512_blas(char** argv);

}  // namespace storm
