#include "cuda/products.h"

#include <cuda_runtime.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "cpu/gemm.h"

namespace storm::cuda {

namespace {

float value_of(uint16_t bits, ProductPrecision precision) {
  if (precision == ProductPrecision::bf16) return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
  const int exponent = bits >> 10 & 31, mantissa = bits & 1023;
  const float size = exponent == 31  ? (mantissa ? NAN : INFINITY)
                     : exponent == 0 ? std::ldexp(static_cast<float>(mantissa), -24)
                                     : std::ldexp(static_cast<float>(1024 + mantissa), exponent - 25);
  return bits & 0x8000 ? -size : size;
}

// The operand as floats: [rows, cols] of it, without gaps.
std::vector<float> floats_of(const void* from, int64_t rows, int64_t cols, int64_t ld, ProductPrecision precision) {
  std::vector<float> values;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < cols; ++c)
      values.push_back(value_of(static_cast<const uint16_t*>(from)[r * ld + c], precision));
  return values;
}

void multiply(const Product& p) {
  if (p.precision == ProductPrecision::bf16 || p.precision == ProductPrecision::f16) {
    const int64_t a_cols = p.ta ? p.m : p.k, b_cols = p.tb ? p.k : p.n;
    const auto a = floats_of(p.a, p.ta ? p.k : p.m, a_cols, p.lda, p.precision),
               b = floats_of(p.b, p.tb ? p.n : p.k, b_cols, p.ldb, p.precision);
    storm::gemm(p.ta, p.tb, p.m, p.n, p.k, p.alpha, a.data(), a_cols, b.data(), b_cols, p.beta, p.c, p.ldc);
  } else {
    storm::gemm(p.ta, p.tb, p.m, p.n, p.k, p.alpha, static_cast<const float*>(p.a), p.lda,
                static_cast<const float*>(p.b), p.ldb, p.beta, p.c, p.ldc);
  }
  if (p.epilogue == Epilogue::none) return;
  for (int64_t i = 0; i < p.m; ++i)
    for (int64_t j = 0; j < p.n; ++j) {
      float& x = p.c[i * p.ldc + j];
      x += p.bias[j];
      if (p.epilogue == Epilogue::bias_relu) x = std::max(x, 0.0f);
    }
}

}  // namespace

struct Products::Library {};

Products::Products() = default;
Products::~Products() = default;

void Products::operator()(const Product& product, void*, std::size_t, cudaStream_t) {
  for (const void* p : {product.a, product.b, static_cast<const void*>(product.c)})
    require(!emulation::names_host_memory(&p, sizeof p), "cuda: a product was given an address of the host");
  emulation::queue([product] {
    const emulation::Opened opened;
    multiply(product);
  });
}

}  // namespace storm::cuda
