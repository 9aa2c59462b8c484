// The functions that kernels share, against double precision.
#include "cpu/simd.h"

#include <cmath>
#include <limits>
#include <numbers>

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

TEST_CASE("Swish and its slope are right to their stated errors, and end in the identity and in nothing") {
  const auto value = [](float x) { return simd::swish(x).value; };
  const auto slope = [](float x) { return simd::swish(x).slope; };
  CHECK(ulps(value, [](double x) { return x < -88 ? 0 : x / (1 + std::exp(-x)); }) < 3);
  double of_slope = 0;
  for (int i = -1'000'000; i <= 1'000'000; ++i) {
    const float at = static_cast<float>(i) * 1e-4f;
    const double x = static_cast<double>(at), by_x = (1 + x / (1 + std::exp(x))) / (1 + std::exp(-x));
    of_slope = std::max(of_slope, std::abs(static_cast<double>(slope(at)) - by_x));
  }
  CHECK(of_slope < 3e-7);
  for (const float x : {89.0f, 1e30f, INFINITY}) {
    CHECK(value(x) == x);
    CHECK(value(-x) == 0);
    CHECK(slope(x) == 1);
    CHECK(slope(-x) == 0);
  }
  CHECK(value(0) == 0);
  CHECK(slope(0) == 0.5f);
  CHECK(std::isnan(value(NAN)));
  CHECK(std::isnan(slope(NAN)));
}

TEST_CASE("the normal distribution and its density are right to a few units of the last place, in the tail, too") {
  const auto value = [](float x) { return simd::normal_cdf(x).value; };
  const auto slope = [](float x) { return simd::normal_cdf(x).slope; };
  // The tables end where f32's normal numbers do, and ulps() with them.
  const auto phi = [](double x) { return x < -12.8 ? 0 : 0.5 * std::erfc(-x / std::numbers::sqrt2); };
  const auto density = [](double x) {
    return std::abs(x) > 12.8 ? 0 : std::exp(-0.5 * x * x) / std::sqrt(2 * std::numbers::pi);
  };
  CHECK(ulps(value, phi) < 6);
  CHECK(ulps(slope, density) < 3);
  for (const float x : {13.0f, 1e30f, INFINITY}) {
    CHECK(value(x) == 1);
    CHECK(value(-x) == 0);
    CHECK(slope(x) == 0);
    CHECK(slope(-x) == 0);
  }
  CHECK(value(0) == 0.5f);
  CHECK(std::isnan(value(NAN)));
  CHECK(std::isnan(slope(NAN)));
}

TEST_CASE("the normal distribution by tanh is right to its stated errors") {
  const auto value = [](float x) { return simd::normal_cdf_by_tanh(x).value; };
  const auto slope = [](float x) { return simd::normal_cdf_by_tanh(x).slope; };
  const double factor = std::sqrt(2 / std::numbers::pi);
  double absolute = 0, relative = 0, of_slope = 0;
  for (int i = -990'000; i <= 1'000'000; ++i) {
    const float at = static_cast<float>(i) * 1e-5f;
    const double x = static_cast<double>(at), angle = factor * (x + 0.044715 * x * x * x);
    const double y = 1 / (1 + std::exp(-2 * angle)), off = std::abs(static_cast<double>(value(at)) - y);
    absolute = std::max(absolute, off);
    if (x < 0) relative = std::max(relative, off / y);
    const double by_x = 2 * y / (1 + std::exp(2 * angle)) * factor * (1 + 3 * 0.044715 * x * x);
    of_slope = std::max(of_slope, std::abs(static_cast<double>(slope(at)) - by_x));
  }
  CHECK(absolute < 1.2e-7);
  CHECK(relative < 1.5e-5);
  CHECK(of_slope < 5e-7);
  for (const float x : {10.0f, 1e30f, INFINITY}) {
    CHECK(value(x) == 1);
    CHECK(value(-x) == 0);
    CHECK(slope(x) == 0);
    CHECK(slope(-x) == 0);
  }
  CHECK(value(0) == 0.5f);
  CHECK(std::isnan(value(NAN)));
  CHECK(std::isnan(slope(NAN)));
}
