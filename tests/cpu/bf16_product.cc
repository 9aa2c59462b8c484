// Products of operands rounded to bf16 against plain double precision of the same rounded operands.
#include "cpu/bf16_product.h"

#include <array>
#include <bit>
#include <cmath>
#include <iostream>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "cpu/gemm.h"
#include "tests/catch.h"

using namespace storm;

namespace {

// To the nearest number with 8 bits of mantissa.
double bf16(float x) {
  const auto bits = std::bit_cast<uint32_t>(x);
  const uint32_t low = bits & 0xffffu, even = bits >> 16 & 1u;
  const uint32_t up = low > 0x8000u || (low == 0x8000u && even) ? 0x10000u : 0u;
  return static_cast<double>(std::bit_cast<float>((bits & 0xffff0000u) + up));
}

std::vector<float> numbers(int64_t n, uint64_t stream) {
  RandomStream random(1, RandomUse::corpus, stream);
  std::vector<float> x(static_cast<std::size_t>(n));
  for (float& v : x) v = static_cast<float>(random.normal());
  return x;
}

}  // namespace

TEST_CASE("a bf16 product is that of the rounded operands, summed in f32") {
  if (!has_bf16_products()) {
    std::cout << "skip - bf16 products: this CPU has none\n";
    CHECK_THROWS_AS(ProductPrecisionScope(ProductPrecision::bf16), Error);
    return;
  }
  for (const auto& [m, n, k] : {std::array<int64_t, 3>{1, 1, 1}, {3, 5, 7}, {130, 33, 64}, {64, 200, 129}})
    for (const bool ta : {false, true})
      for (const bool tb : {false, true})
        for (const float beta : {0.0f, 1.0f}) {
          const int64_t lda = (ta ? m : k) + 3, ldb = (tb ? k : n) + 1, ldc = n + 2;
          const auto a = numbers((ta ? k : m) * lda, 1), b = numbers((tb ? n : k) * ldb, 2),
                     before = numbers(m * ldc, 3);
          auto c = before;
          std::vector<Bf16> left(a.size()), right(b.size());
          round_to_bf16(a.data(), left.data(), std::ssize(a));
          round_to_bf16(b.data(), right.data(), std::ssize(b));
          bf16_product(ta, tb, m, n, k, left.data(), lda, right.data(), ldb, beta, c.data(), ldc);
          double worst = 0;
          for (int64_t i = 0; i < m; ++i)
            for (int64_t j = 0; j < ldc; ++j) {
              const auto at = static_cast<std::size_t>(i * ldc + j);
              double want = static_cast<double>(before[at]);
              if (j < n) {
                want *= static_cast<double>(beta);
                for (int64_t t = 0; t < k; ++t)
                  want += bf16(a[static_cast<std::size_t>(ta ? t * lda + i : i * lda + t)]) *
                          bf16(b[static_cast<std::size_t>(tb ? j * ldb + t : t * ldb + j)]);
              }
              worst = std::max(worst, std::abs(static_cast<double>(c[at]) - want));
            }
          INFO(m << " x " << n << " x " << k << ' ' << ta << tb << ' ' << beta);
          CHECK(worst < 2e-5);
        }
}

TEST_CASE("a product has the same bits whether its operands were rounded before or not, however small it is") {
  if (!has_bf16_products()) return;
  const ProductPrecisionScope scope(ProductPrecision::bf16);
  for (const int64_t n : {3, 64, 101, 102, 128}) {  // 102^3 is the first above the size where rounding begins
    const auto a = numbers(n * n, 1), b = numbers(n * n, 2);
    std::vector<float> alone(a.size()), shared(a.size());
    gemm(true, false, n, n, n, 1, a.data(), n, b.data(), n, 0, alone.data(), n);
    Buffer memory[2];
    gemm(true, false, n, n, n, operand(a.data(), n, n, memory[0]), operand(b.data(), n, n, memory[1]), 0, shared.data(),
         n);
    INFO(n);
    CHECK(alone == shared);
  }
}

TEST_CASE("gemm takes bf16 operands within a scope of that precision alone, and a NaN stays one") {
  if (!has_bf16_products()) return;
  const int64_t n = 128;
  auto a = numbers(n * n, 1);
  const auto b = numbers(n * n, 2);
  std::vector<float> exact(a.size()), rounded(a.size()), again(a.size());
  const auto product = [&](std::vector<float>& c) {
    gemm(false, true, n, n, n, 1, a.data(), n, b.data(), n, 0, c.data(), n);
  };
  product(exact);
  {
    const ProductPrecisionScope scope(ProductPrecision::bf16);
    product(rounded);
  }
  product(again);
  CHECK(exact == again);
  double worst = 0;
  for (std::size_t i = 0; i < exact.size(); ++i)
    worst = std::max(worst, std::abs(static_cast<double>(exact[i]) - static_cast<double>(rounded[i])));
  CHECK(worst > 1e-3);
  CHECK(worst < 0.3);  // some ten times sqrt(128) * 2^-9
  a[5] = NAN;
  const ProductPrecisionScope scope(ProductPrecision::bf16);
  product(rounded);
  CHECK(std::isnan(rounded[0]));
}
