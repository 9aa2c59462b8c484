#include "cpu/few_rows_product.h"

#include <cmath>
#include <limits>
#include <vector>

#include "base/parallel.h"
#include "cpu/gemm.h"
#include "tests/catch.h"
#include "tests/cpu/random_numbers.h"

using namespace storm;
using test::random_numbers;

namespace {

// How far y is from the product, made in double and added to `before`; NaN where anything is.
double worst_error(int64_t m, int64_t n, int64_t k, const float* x, int64_t ldx, const float* w, int64_t ldw,
                   double before, const float* y, int64_t ldy) {
  double worst = 0;
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) {
      double want = before;
      for (int64_t t = 0; t < k; ++t) want += static_cast<double>(x[i * ldx + t]) * static_cast<double>(w[j * ldw + t]);
      const double off = std::abs(static_cast<double>(y[i * ldy + j]) - want);
      if (!(off <= worst) && !std::isnan(worst)) worst = off;
    }
  return worst;
}

}  // namespace

TEST_CASE("a product of few rows is the sum of its terms, alone and added to what is there") {
  for (const int64_t m : {1, 2, 3, 4, 5, 6, 7, 12, 13, 29, 64})
    for (const int64_t n : {1, 3, 4, 11, 12, 25, 61})
      for (const int64_t k : {16, 17, 31, 256, 650}) {
        const int64_t ldx = k + 3, ldw = k + m % 2, ldy = n + 5;
        const auto x = random_numbers(m * ldx, 1), w = random_numbers(n * ldw, 2);
        std::vector<float> y(static_cast<std::size_t>(m * ldy), NAN);
        INFO("m " << m << " n " << n << " k " << k);
        const double bound = 2e-7 * static_cast<double>(k);
        few_rows_product(m, n, k, x.data(), ldx, w.data(), ldw, false, y.data(), ldy);
        CHECK(worst_error(m, n, k, x.data(), ldx, w.data(), ldw, 0, y.data(), ldy) < bound);
        for (int64_t i = 0; i < m; ++i)
          for (int64_t j = 0; j < ldy; ++j) {
            float& v = y[static_cast<std::size_t>(i * ldy + j)];
            if (j >= n) REQUIRE(std::isnan(v));  // beside the product nothing is written
            v = j < n ? 3.0f : v;
          }
        few_rows_product(m, n, k, x.data(), ldx, w.data(), ldw, true, y.data(), ldy);
        CHECK(worst_error(m, n, k, x.data(), ldx, w.data(), ldw, 3, y.data(), ldy) < bound);
      }
}

TEST_CASE("in a product of few rows no row's bits depend on the others or on the threads") {
  const int64_t m = 29, n = 1003, k = 650;
  const auto x = random_numbers(m * k, 3), w = random_numbers(n * k, 4);
  std::vector<float> all(static_cast<std::size_t>(m * n)), one(all), rows(all);
  few_rows_product(m, n, k, x.data(), k, w.data(), k, false, all.data(), n);
  const auto threads = thread_count();
  set_thread_count(1);
  few_rows_product(m, n, k, x.data(), k, w.data(), k, false, one.data(), n);
  set_thread_count(threads);
  for (int64_t r = 0; r < m; ++r)
    few_rows_product(1, n, k, x.data() + r * k, k, w.data(), k, false, rows.data() + r * n, n);
  CHECK(one == all);
  CHECK(rows == all);
}

// The last vector of a row is read again from where it is whole: what was added before must count as nothing.
TEST_CASE("in a product of few rows an infinite term is added once") {
  const int64_t m = 5, n = 7, k = 21;
  auto x = random_numbers(m * k, 5), w = random_numbers(n * k, 6);
  x[8] = 1;
  w[8] = std::numeric_limits<float>::infinity();
  std::vector<float> y(static_cast<std::size_t>(m * n));
  few_rows_product(m, n, k, x.data(), k, w.data(), k, false, y.data(), n);
  CHECK(y[0] == std::numeric_limits<float>::infinity());
}

TEST_CASE("the matrix product takes few rows by their own kernel, and is right on both sides of its limits") {
  for (const int64_t m : {3, 4, 12, 13, 32, 33, 128, 129})
    for (const int64_t k : {255, 256, 4096}) {
      const int64_t n = 260;
      const auto x = random_numbers(m * k, 7), w = random_numbers(n * k, 8);
      std::vector<float> y(static_cast<std::size_t>(m * n), 3.0f), few = y;
      INFO("m " << m << " k " << k);
      gemm(false, true, m, n, k, 1, x.data(), k, w.data(), k, 1, y.data(), n);
      CHECK(worst_error(m, n, k, x.data(), k, w.data(), k, 3, y.data(), n) < 2e-7 * static_cast<double>(k));
      if (!is_few_rows_product(false, true, m, n, k, 1, 1)) continue;
      few_rows_product(m, n, k, x.data(), k, w.data(), k, true, few.data(), n);
      CHECK(y == few);
    }
}
