// The f32 matrix product, row-major: C[m,n] = alpha * op(A)[m,k] * op(B)[k,n] + beta * C. op(X) is X, or its transpose
// where `t` says so; lda, ldb, ldc are the lengths of the stored rows. All OpenMP threads work on it, unless the caller
// is inside a parallel region. The same shape gives the same bits on the same machine with the same number of threads.
#pragma once

#include <cstdint>
#include <string>

#include "base/buffer.h"
#include "cpu/packed_weight.h"
#include "tensor/execution.h"
#include "tensor/product_precision.h"

namespace storm {

void gemm(bool ta, bool tb, int64_t m, int64_t n, int64_t k, float alpha, const float* a, int64_t lda, const float* b,
          int64_t ldb, float beta, float* c, int64_t ldc);

// Sets what gemm's operands are rounded to, for all threads, until the scope ends. Throws Error where the CPU has no
// such products: tf32 and f16 nowhere, bf16 on some.
class ProductPrecisionScope {
 public:
  explicit ProductPrecisionScope(ProductPrecision precision);
  ~ProductPrecisionScope();
  ProductPrecisionScope(const ProductPrecisionScope&) = delete;
  ProductPrecisionScope& operator=(const ProductPrecisionScope&) = delete;

 private:
  ProductPrecision before_;
};

ProductPrecision product_precision();  // that of the innermost scope

// A matrix that takes part in several products: it is rounded once for all of them, where they take rounded ones. A
// weight may be packed (cpu/packed_weight.h); then it is the right operand of products x W^T alone.
struct Operand {
  const float* exact = nullptr;
  int64_t ld = 0;
  const uint16_t* rounded = nullptr;  // as bf16, rows as far apart as exact's
  const PackedWeight* packed = nullptr;
  int64_t column = 0;  // of the packed weight: where the operand begins

  explicit operator bool() const { return exact || packed; }
  Operand from_row(int64_t r) const { return from_column(r * ld); }
  Operand from_column(int64_t c) const {
    return {exact ? exact + c : nullptr, ld, rounded ? rounded + c : nullptr, packed, column + c};
  }
};
// A parameter as products take it: packed, where it is. None for no value.
Operand weight_operand(const Execution& run, Value weight);
// x: [rows, cols] without gaps. memory: where the rounded ones are put; it is kept for the next time.
Operand operand(const float* x, int64_t rows, int64_t cols, Buffer& memory);
// As the other gemm, with alpha of 1, and to the same bits: small products take the exact operands. Both operands are
// rounded, or none is; where b is packed, a is exact and beta 0 or 1.
void gemm(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const Operand& a, const Operand& b, float beta, float* c,
          int64_t ldc);

// Which library and kernels run, for the log: "oneDNN 2.6.3", or "OpenBLAS SkylakeX (OpenMP)".
std::string gemm_description();

// Some things the libraries read from the environment when they are loaded, before main. This sets them, where the user
// has not, and starts the program again, at most once; call it first in main.
// - GOMP_SPINCOUNT: OpenMP's threads spin for milliseconds at the end of each loop, so one other busy program on the
//   machine makes a training step 3 to 4 times slower (measured with two threads on two cores); a short spin costs an
//   idle machine nothing.
// - OPENBLAS_CORETYPE: Debian's OpenBLAS takes AVX2 kernels on CPUs that it does not know, AVX-512 or not. Only where
// oneDNN does not
//   make the products.
void set_library_environment(char** argv);

}  // namespace storm
