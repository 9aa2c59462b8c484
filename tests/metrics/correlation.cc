// Correlations against known values and scipy's.
#include "metrics/correlation.h"

#include <cmath>

#include "tests/catch.h"

using namespace storm;

TEST_CASE("Spearman's correlation has known values, and ties share their ranks") {
  CHECK(average_ranks(std::vector<double>{10, 30, 20, 20, 5}) == std::vector<double>{2, 5, 3.5, 3.5, 1});
  const std::vector<double> a{1, 2, 3, 4, 5}, b{5, 6, 7, 8, 7}, down{9, 7, 5, 3, 1}, same(5, 2.0);
  CHECK(spearman(a, b) == Approx(0.8207826816681233).margin(1e-15));  // scipy.stats.spearmanr
  CHECK(spearman(a, a) == Approx(1).margin(1e-15));
  CHECK(spearman(a, down) == Approx(-1).margin(1e-15));
  // IQ and hours of television, the worked example of Wikipedia's article: -29/165.
  const std::vector<double> iq{106, 100, 86, 101, 99, 103, 97, 113, 112, 110}, tv{7, 27, 2, 50, 28, 29, 20, 12, 6, 17};
  CHECK(spearman(iq, tv) == Approx(-29.0 / 165).margin(1e-15));
  CHECK(std::isnan(spearman(a, same)));
  CHECK(std::isnan(spearman(std::vector<double>{1}, std::vector<double>{2})));
}
