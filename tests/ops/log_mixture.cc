#include "ops/log_mixture.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "tests/catch.h"
#include "tests/ops/check.h"
#include "tests/ops/once.h"

using namespace storm;

namespace {

using Floats = std::vector<float>;

constexpr float kInf = std::numeric_limits<float>::infinity(), kNan = std::numeric_limits<float>::quiet_NaN();

Floats mixture(const std::vector<Floats>& x, const std::vector<double>& weights, int64_t rows, float sign = 1) {
  Graph graph(false);
  std::vector<Value> values;
  const auto n = static_cast<int64_t>(x[0].size());
  for (const Floats& one : x) values.push_back(graph.constant({rows, n / rows}, one.data()));
  const Value y = log_mixture(graph, values, weights, sign);
  graph.keep(y);
  const test::Once once(graph);
  once.forward();
  return {once.run.data(y), once.run.data(y) + n};
}

}  // namespace

TEST_CASE("log_mixture equals its double-precision reference, for either sign") {
  for (const std::size_t count : {1, 2, 3, 15})
    for (const int64_t n : {1, 7, 255, 256, 257, 5000})
      for (const float scale : {1.0f, 40.0f}) {
        std::vector<Floats> x, negative;
        std::vector<double> weights;
        double sum = 0;
        for (std::size_t k = 0; k < count; ++k) {
          x.push_back(test::random_floats(static_cast<std::size_t>(3 * n), k + 1));
          for (float& v : x.back()) v = scale * (v - 1);
          negative.push_back(x.back());
          for (float& v : negative.back()) v = -v;
          sum += weights.emplace_back(static_cast<double>(k + 1));
        }
        for (double& weight : weights) weight /= sum;
        const auto y = mixture(x, weights, 3), minus = mixture(negative, weights, 3, -1);
        double worst = 0;
        for (std::size_t i = 0; i < y.size(); ++i) {
          double p = 0;
          for (std::size_t k = 0; k < count; ++k) p += weights[k] * std::exp(static_cast<double>(x[k][i]));
          const double want = std::log(p), off = std::abs(static_cast<double>(y[i]) - want);
          worst = std::max(worst, off / std::max(std::abs(want), 1.0));
          CHECK(minus[i] == -y[i]);
        }
        CHECK(worst <= test::allowed(4e-7));
      }
}

TEST_CASE("log_mixture keeps a NaN, and -infinity where all have it") {
  const Floats a{kNan, -kInf, -kInf, -1, kNan}, b{-1, -kInf, -1, -kInf, kNan};
  const auto y = mixture({a, b}, {0.5, 0.5}, 1);
  CHECK(std::isnan(y[0]));
  CHECK(y[1] == -kInf);
  CHECK(static_cast<double>(y[2]) == Approx(-1 - std::log(2)));
  CHECK(static_cast<double>(y[3]) == Approx(-1 - std::log(2)));
  CHECK(std::isnan(y[4]));
}

TEST_CASE("log_mixture works in place, and refuses what does not fit") {
  const Floats logits{1, 2, 3, 4};
  Graph graph(false);
  const Value x = graph.constant({2, 2}, logits.data()), other = graph.constant({1, 4}, logits.data());
  const std::vector<double> equal{0.5, 0.5};
  CHECK(graph.producer(log_mixture(graph, std::vector{x, x}, equal)).in_place == 0);
  CHECK_THROWS_WITH(log_mixture(graph, std::vector{x, other}, equal), "log_mixture: the values differ in shape");
  CHECK_THROWS_WITH(log_mixture(graph, std::vector{x}, equal),
                    "log_mixture: 1 values and 2 weights; up to 15 of each are mixed");
}
