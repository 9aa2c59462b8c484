// Pooling and principal components against known values.

#include <cmath>
#include <limits>

#include "base/error.h"
#include "inspect/pca.h"
#include "inspect/pooling.h"
#include "tests/catch.h"

using namespace storm;

TEST_CASE("mean, max and first of vectors") {
  const std::vector<float> x{1, -5, 2, 3, -1, 8};  // [3, 2]
  std::vector<float> out(2);
  pool(x, Pool::mean, out);
  CHECK(out == std::vector<float>{2.0f / 3, 2});
  pool(x, Pool::max, out);
  CHECK(out == std::vector<float>{2, 8});
  pool(x, Pool::first, out);
  CHECK(out == std::vector<float>{1, -5});
  pool(std::vector<float>{-3, -4}, Pool::max, out);
  CHECK(out == std::vector<float>{-3, -4});
  // The mean of many is summed in double: in float, the ones would be lost beside 2^24.
  std::vector<float> many(2001, 1.0f), one(1);
  many[0] = 0x1p24f;
  pool(many, Pool::mean, one);
  CHECK(one[0] == static_cast<float>((0x1p24 + 2000) / 2001));
  for (const std::size_t at : {0, 1, 2}) {  // NaN is never lost
    std::vector<float> bad{1, 2, 3};
    bad[at] = std::numeric_limits<float>::quiet_NaN();
    pool(bad, Pool::max, one);
    CHECK(std::isnan(one[0]));
  }
}

TEST_CASE("a normalised vector has length 1, zeros stay") {
  std::vector<float> x{3, 4}, zeros{0, 0}, tiny{3e-30f, 4e-30f};
  CHECK(normalize(x) == 5);
  CHECK(x == std::vector<float>{0.6f, 0.8f});
  CHECK(normalize(zeros) == 0);
  CHECK(zeros == std::vector<float>{0, 0});
  normalize(tiny);
  CHECK(tiny[1] == Approx(0.8).margin(1e-7));
}

TEST_CASE("principal components are the directions that vectors were made along") {
  // Points along two orthonormal directions of five, around a mean that is not 0.
  const std::vector<double> u{0.5, 0.5, 0.5, 0.5, 0}, v{0.5, -0.5, 0.5, -0.5, 0}, mean{1, 2, 3, 4, 5};
  const std::vector<double> a{-3, -1, 1, 3}, b{1, -1, -1, 1};  // orthogonal, each of mean 0; squares 20 and 4
  std::vector<float> x;
  for (std::size_t i = 0; i < 4; ++i)
    for (std::size_t j = 0; j < 5; ++j) x.push_back(static_cast<float>(mean[j] + a[i] * u[j] + b[i] * v[j]));
  const auto found = pca(x, 5, 2);
  REQUIRE(found.points.size() == 8);
  CHECK(found.explained[0] == Approx(20.0 / 24).margin(1e-12));
  CHECK(found.explained[1] == Approx(4.0 / 24).margin(1e-12));
  const double sign = found.points[1] * b[0] < 0 ? -1 : 1;  // v's largest numbers are equal, so either may lead
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(found.points[2 * i] == Approx(a[i]).margin(1e-6));  // u's numbers are positive: so is the sign
    CHECK(found.points[2 * i + 1] == Approx(sign * b[i]).margin(1e-6));
  }
  CHECK(pca(std::vector<float>{1, 2, 3}, 1, 2).points == std::vector<double>{-1, 0, 1});  // cut to the width
  CHECK(pca(std::vector<float>{4, 4, 4, 4}, 2, 2).explained == std::vector<double>{0, 0});
  CHECK(pca(std::vector<float>{0.1f, 0.7f, 0.1f, 0.7f, 0.1f, 0.7f}, 2, 2).explained == std::vector<double>{0, 0});
  CHECK_THROWS_AS(pca({}, 3, 2), Error);
  CHECK_THROWS_AS(pca(std::vector<float>{1, std::numeric_limits<float>::quiet_NaN()}, 1, 1), Error);
}
