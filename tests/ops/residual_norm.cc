#include "ops/residual_norm.h"

#include <cmath>

#include "tests/catch.h"
#include "tests/ops/check.h"
#include "tests/ops/once.h"

using namespace storm;
using test::Doubles;

namespace {

Doubles layer_norm(const Doubles& s, const Doubles& gain, const Doubles& bias, double epsilon) {
  const auto d = gain.size();
  Doubles y(s.size());
  for (std::size_t r = 0; r < s.size(); r += d) {
    double mean = 0, variance = 0;
    for (std::size_t i = 0; i < d; ++i) mean += s[r + i] / static_cast<double>(d);
    for (std::size_t i = 0; i < d; ++i) variance += (s[r + i] - mean) * (s[r + i] - mean) / static_cast<double>(d);
    for (std::size_t i = 0; i < d; ++i)
      y[r + i] = gain[i] * (s[r + i] - mean) / std::sqrt(variance + epsilon) + bias[i];
  }
  return y;
}

Doubles plus(Doubles a, const Doubles& b) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] += b[i];
  return a;
}

constexpr std::pair<int64_t, int64_t> kShapes[] = {{1, 1}, {1, 7}, {5, 3}, {2, 8}, {37, 33}, {3, 130}};

}  // namespace

TEST_CASE("residual_norm equals its double-precision reference, forward and gradients") {
  for (const auto& [rows, d] : kShapes)
    for (const float epsilon : {1e-6f, 0.1f}) {
      // Rows of one number, or nearly equal ones, have a slope of 1 / sqrt(epsilon): only the larger one can be
      // checked.
      if (d < 3 && epsilon < 1e-3f) continue;
      test::check_op(
          {.inputs = {{rows, d}, {rows, d}, {1, d}, {1, d}},
           .record = [&](Graph& g,
                         std::span<const Value> v) { return residual_norm(g, v[0], v[1], v[2], v[3], epsilon).normed; },
           .reference =
               [&](auto in) { return layer_norm(plus(in[0], in[1]), in[2], in[3], static_cast<double>(epsilon)); },
           .tolerance = 3e-6});
      test::check_op(
          {.inputs = {{rows, d}, {1, d}, {1, d}},
           .record = [&](Graph& g,
                         std::span<const Value> v) { return residual_norm(g, v[0], {}, v[1], v[2], epsilon).normed; },
           .reference = [&](auto in) { return layer_norm(in[0], in[1], in[2], static_cast<double>(epsilon)); },
           .tolerance = 3e-6});
    }
}

TEST_CASE("the sum of residual_norm carries gradients, alone and together with the norm") {
  for (const auto& [rows, d] : kShapes) {
    test::check_op({.inputs = {{rows, d}, {rows, d}},
                    .record =
                        [&, width = d](Graph& g, std::span<const Value> v) {
                          static const std::vector<float> ones(200, 1.0f);
                          const Value one = g.constant({1, width}, ones.data());
                          return residual_norm(g, v[0], v[1], one, one, 0.1f).sum;
                        },
                    .reference = [](auto in) { return plus(in[0], in[1]); }});
    // A second norm takes the sum and the norm of the first: sum + norm(sum), normed once more.
    test::check_op({.inputs = {{rows, d}, {rows, d}, {1, d}, {1, d}},
                    .record =
                        [&](Graph& g, std::span<const Value> v) {
                          const auto first = residual_norm(g, v[0], v[1], v[2], v[3], 0.1f);
                          return residual_norm(g, first.sum, first.normed, v[2], v[3], 0.1f).normed;
                        },
                    .reference =
                        [&](auto in) {
                          const Doubles s = plus(in[0], in[1]), y = layer_norm(s, in[2], in[3], 0.1);
                          return layer_norm(plus(s, y), in[2], in[3], 0.1);
                        },
                    .tolerance = 5e-6});
    // x and h are the same value: its gradient is the sum of both.
    test::check_op(
        {.inputs = {{rows, d}, {1, d}, {1, d}},
         .record = [&](Graph& g,
                       std::span<const Value> v) { return residual_norm(g, v[0], v[0], v[1], v[2], 0.1f).normed; },
         .reference = [&](auto in) { return layer_norm(plus(in[0], in[0]), in[1], in[2], 0.1); },
         .tolerance = 3e-6});
  }
}

TEST_CASE("a plain layer norm's sum is its input, and no rows are no work") {
  const std::vector<float> ones(4, 1.0f);
  std::vector<float> d_gain(4, 7.0f), d_bias(4, 7.0f);
  Graph graph(true);
  const Value gain = graph.parameter({1, 4}, ones.data(), d_gain.data());
  const Value bias = graph.parameter({1, 4}, ones.data(), d_bias.data());
  const Value x = graph.constant({0, 4}, ones.data());
  const auto first = residual_norm(graph, x, {}, gain, bias, 1e-5f);
  CHECK(first.sum == x);
  const auto second = residual_norm(graph, first.normed, first.normed, gain, bias, 1e-5f, 0.5f);
  residual_norm(graph, second.sum, second.normed, gain, bias, 1e-5f);
  const test::Once once(graph);
  once.forward();
  once.backward();
  CHECK(d_gain == std::vector<float>(4, 7.0f));
}

TEST_CASE("layer norm keeps its digits where the mean is far from zero") {
  const std::vector<float> gain(64, 1.0f), bias(64, 0.0f);
  std::vector<float> x(64);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = 4096.0f + static_cast<float>(i % 2);  // variance 1/4
  Graph graph(false);
  const Value y = residual_norm(graph, graph.constant({1, 64}, x.data()), {}, graph.constant({1, 64}, gain.data()),
                                graph.constant({1, 64}, bias.data()), 1e-6f)
                      .normed;
  graph.keep(y);
  const test::Once once(graph);
  once.forward();
  for (int i = 0; i < 64; ++i) CHECK(std::abs(once.run.data(y)[i] - (i % 2 ? 1.0f : -1.0f)) < 1e-5f);
}
