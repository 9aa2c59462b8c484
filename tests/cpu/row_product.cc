#include "cpu/row_product.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/parallel.h"
#include "cpu/gemm.h"
#include "tests/catch.h"
#include "tests/cpu/random_numbers.h"
#ifdef STORM_ONEDNN
#include <dnnl.h>
#endif

using namespace storm;
using test::random_numbers;

#ifdef STORM_ONEDNN
// Where oneDNN 2.6 has AVX-512, its bits are these, too; other versions and CPUs may add up in another order.
TEST_CASE("the product of one row is oneDNN's, but for the order of its sums") {
  for (const int64_t k : {16, 48, 128, 768, 2048, 2064})
    for (const int64_t n : {1, 2, 3, 5, 16, 61, 768, 5003}) {
      const int64_t ld = k + n % 3;
      const auto x = random_numbers(k, 1), w = random_numbers(n * ld, 2);
      std::vector<float> y(static_cast<std::size_t>(n), -1.0f), want = y;
      row_product(n, k, x.data(), w.data(), ld, y.data());
      REQUIRE(dnnl_sgemm('N', 'T', 1, n, k, 1, x.data(), k, w.data(), ld, 0, want.data(), n) == dnnl_success);
      INFO("n " << n << " k " << k);
      double worst = 0;
      const auto compare = [&] {
        for (std::size_t i = 0; i < y.size(); ++i) {
          const double off = std::abs(static_cast<double>(y[i] - want[i]));
          if (!(off <= worst) && !std::isnan(worst)) worst = off;  // a NaN is the worst of all
        }
        std::ranges::fill(y, NAN);
      };
      compare();
      gemm(false, true, 1, n, k, 1, x.data(), k, w.data(), ld, 0, y.data(), n);  // which of both it takes
      compare();
      CHECK(worst < 1e-6 * std::sqrt(static_cast<double>(k)));
    }
}
#endif

TEST_CASE("the product of one row is the same whatever the threads") {
  const int64_t n = 5003, k = 768;
  const auto x = random_numbers(k, 3), w = random_numbers(n * k, 4);
  std::vector<float> one(static_cast<std::size_t>(n)), all(one), rows(one);
  const auto threads = thread_count();
  row_product(n, k, x.data(), w.data(), k, all.data());
  set_thread_count(1);
  row_product(n, k, x.data(), w.data(), k, one.data());
  set_thread_count(threads);
  for (int64_t r = 0; r < n; ++r) row_product(1, k, x.data(), w.data() + r * k, k, rows.data() + r);
  CHECK(one == all);
  CHECK(one == rows);
}
