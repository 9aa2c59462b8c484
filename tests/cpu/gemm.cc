#include "cpu/gemm.h"

#include <cmath>
#include <vector>

#include "tests/catch.h"
#include "tests/cpu/random_numbers.h"

using namespace storm;
using test::random_numbers;

namespace {

// pad: how much longer the stored rows are than the matrices; what lies there must stay.
void check(bool ta, bool tb, int64_t m, int64_t n, int64_t k, float alpha, float beta, int64_t pad) {
  const int64_t lda = (ta ? m : k) + pad, ldb = (tb ? k : n) + pad, ldc = n + pad;
  const auto a = random_numbers((ta ? k : m) * lda, 1), b = random_numbers((tb ? n : k) * ldb, 2);
  const auto before = random_numbers(m * ldc, 3);
  auto c = before;
  if (beta == 0)
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j) c[static_cast<std::size_t>(i * ldc + j)] = NAN;  // must not be read
  gemm(ta, tb, m, n, k, alpha, a.data(), lda, b.data(), ldb, beta, c.data(), ldc);
  double worst = 0;
  int strays = 0;
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < ldc; ++j) {
      const auto at = static_cast<std::size_t>(i * ldc + j);
      if (j >= n) {
        strays += c[at] != before[at];
        continue;
      }
      double sum = 0;
      for (int64_t l = 0; l < k; ++l)
        sum += static_cast<double>(a[static_cast<std::size_t>(ta ? l * lda + i : i * lda + l)]) *
               static_cast<double>(b[static_cast<std::size_t>(tb ? j * ldb + l : l * ldb + j)]);
      const double want =
          static_cast<double>(alpha) * sum + static_cast<double>(beta) * static_cast<double>(before[at]);
      const double off = std::abs(static_cast<double>(c[at]) - want);
      if (!(off <= worst) && !std::isnan(worst)) worst = off;
    }
  INFO((ta ? "T" : "N") << (tb ? "T" : "N") << ' ' << m << ' ' << n << ' ' << k << " alpha " << alpha << " beta "
                        << beta << " pad " << pad);
  CHECK(strays == 0);
  // k additions, each off by half a unit in the last place of a partial sum of about sqrt(k): worst of all elements.
  CHECK(worst <= 1.2e-7 * (2 + static_cast<double>(k)));
}

}  // namespace

TEST_CASE("gemm equals the double-precision product: transposes, odd sizes, strides, alpha and beta") {
  for (const bool ta : {false, true})
    for (const bool tb : {false, true})
      for (const float beta : {0.0f, 1.0f, -0.5f})
        for (const auto& [m, n, k] : {std::array<int64_t, 3>{1, 1, 1},
                                      {1, 7, 3},
                                      {5, 1, 33},
                                      {3, 130, 17},
                                      {64, 64, 64},
                                      {67, 31, 129},
                                      {1, 300, 128},
                                      {130, 3, 1},
                                      {200, 100, 300}}) {
          check(ta, tb, m, n, k, 1, beta, 0);
          check(ta, tb, m, n, k, 0.25f, beta, 5);
        }
}

TEST_CASE("gemm of nothing: no rows or columns touch no memory, an empty inner dimension leaves beta * C") {
  gemm(false, true, 0, 5, 3, 1, nullptr, 3, nullptr, 3, 0, nullptr, 5);
  gemm(false, true, 5, 0, 3, 1, nullptr, 3, nullptr, 3, 0, nullptr, 1);
  const std::vector<float> none(4, 1.0f);
  for (const float beta : {0.0f, 1.0f}) {
    std::vector<float> c(4, 2.0f);
    gemm(true, false, 2, 2, 0, 1, none.data(), 2, none.data(), 2, beta, c.data(), 2);
    CHECK(c == std::vector<float>(4, 2 * beta));
  }
}

TEST_CASE("gemm gives the same bits every time") {
  const int64_t m = 100, n = 333, k = 257;
  const auto a = random_numbers(m * k, 1), b = random_numbers(n * k, 2);
  std::vector<float> first(static_cast<std::size_t>(m * n)), again = first;
  gemm(false, true, m, n, k, 1, a.data(), k, b.data(), k, 0, first.data(), n);
  for (int i = 0; i < 5; ++i) {
    gemm(false, true, m, n, k, 1, a.data(), k, b.data(), k, 0, again.data(), n);
    CHECK(first == again);
  }
}
