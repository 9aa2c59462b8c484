// Matrix products of one stream. products.cu gives them by cuBLASLt; the tests' emulation by the CPU's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "cuda/context.h"

namespace storm::cuda {

// As Context::gemm. a, b: floats, or with bf16 and f16 16 bits each.
struct Product {
  const void *a, *b;
  float* c;
  const float* bias;
  int64_t m, n, k, lda, ldb, ldc;
  float alpha, beta;
  bool ta, tb;
  Epilogue epilogue;
  ProductPrecision precision;
};

class Products {
 public:
  Products();
  ~Products();

  // workspace: of the device, at a multiple of 256 bytes, for the product alone. The same shapes give the same bits.
  void operator()(const Product& product, void* workspace, std::size_t workspace_bytes, cudaStream_t stream);

 private:
  struct Library;
  std::unique_ptr<Library> library_;
};

}  // namespace storm::cuda
