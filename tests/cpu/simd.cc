// The functions that kernels share, against double precision.
#include "cpu/simd.h"

#include <cmath>
#include <limits>

#include "tests/catch.h"

using namespace storm;

namespace {

// The largest error over x in [-100, 100], in units of the last place of what is wanted.
template <class Got, class Want>
double ulps(Got got, Want want) {
  double worst = 0;
  for (int i = -200'000; i <= 200'000; ++i)
    for (const float x :
         {static_cast<float>(i) * 5e-4f, static_cast<float>(i) * 5e-6f, static_cast<float>(i) * 1e-9f}) {
      const double y = want(static_cast<double>(x));
      if (std::abs(y) < static_cast<double>(std::numeric_limits<float>::min()) * 4) continue;
      const float near = static_cast<float>(std::abs(y));
      const double ulp = static_cast<double>(std::nextafter(near, INFINITY)) - static_cast<double>(near);
      worst = std::max(worst, std::abs(static_cast<double>(got(x)) - y) / ulp);
    }
  return worst;
}

}  // namespace

TEST_CASE("tanh and the sigmoid are right to a few units of the last place") {
  CHECK(ulps([](float x) { return simd::tanh(x); }, [](double x) { return std::tanh(x); }) < 3);
  CHECK(ulps([](float x) { return x < -80 ? 0.0f : simd::sigmoid(x); },
             [](double x) { return x < -80 ? 0.0 : 1 / (1 + std::exp(-x)); }) < 4);
  CHECK(simd::tanh(0.0f) == 0.0f);
  CHECK(simd::tanh(INFINITY) == 1.0f);
  CHECK(simd::tanh(-INFINITY) == -1.0f);
  CHECK(simd::sigmoid(INFINITY) == 1.0f);
  CHECK(simd::sigmoid(-INFINITY) < 1e-37f);
  CHECK(std::isnan(simd::tanh(NAN)));
  CHECK(std::isnan(simd::sigmoid(NAN)));
}
