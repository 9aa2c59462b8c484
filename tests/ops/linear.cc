#include "ops/linear.h"

#include <cmath>

#include "tests/catch.h"
#include "tests/ops/check.h"
#include "tests/ops/once.h"

using namespace storm;
using test::Doubles;

namespace {

Doubles reference(std::span<const Doubles> in, int64_t rows, int64_t k, int64_t n, Activation activation) {
  Doubles y(static_cast<std::size_t>(rows * n));
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t j = 0; j < n; ++j) {
      double z = in.size() > 2 ? in[2][static_cast<std::size_t>(j)] : 0;
      for (int64_t i = 0; i < k; ++i)
        z += in[0][static_cast<std::size_t>(r * k + i)] * in[1][static_cast<std::size_t>(j * k + i)];
      if (activation == Activation::relu) z = std::max(z, 0.0);
      if (activation == Activation::gelu) z *= 0.5 * (1 + std::erf(z / std::sqrt(2.0)));
      if (activation == Activation::tanh) z = std::tanh(z);
      y[static_cast<std::size_t>(r * n + j)] = z;
    }
  return y;
}

}  // namespace

TEST_CASE("linear equals its double-precision reference, forward and gradients") {
  for (const auto activation : {Activation::none, Activation::relu, Activation::gelu, Activation::tanh})
    for (const bool bias : {true, false})
      for (const auto [rows, k, n] : {std::array<int64_t, 3>{1, 1, 1}, {3, 5, 7}, {17, 8, 70}}) {
        std::vector<Shape> shapes{{rows, k}, {n, k}};
        if (bias) shapes.push_back({1, n});
        test::check_op({.inputs = shapes,
                        .record =
                            [&](Graph& g, std::span<const Value> v) {
                              return linear(g, v[0], v[1], bias ? v[2] : Value{}, activation);
                            },
                        .reference = [&](auto in) { return reference(in, rows, k, n, activation); }});
      }
}

TEST_CASE("a ReLU keeps a NaN: a model that has diverged must not look sound") {
  const std::vector<float> x{1, NAN, -1, 2}, weight{1, 0, 0, 1}, bias{0, 0};
  for (const float dropout : {0.0f, 0.5f}) {  // on a device, dropout's kernel takes the ReLU over from the product's
    Graph graph(dropout > 0);                 // only what is differentiated drops out
    const Value y = linear(graph, graph.constant({2, 2}, x.data()), graph.constant({2, 2}, weight.data()),
                           graph.constant({1, 2}, bias.data()), Activation::relu, dropout);
    graph.keep(y);
    test::Once once(graph);
    once.run.forward();
    const float* out = once.run.data(y);
    CHECK(std::isnan(out[0]));  // 1 * 1 + NaN * 0
    CHECK(std::isnan(out[1]));
    CHECK(out[2] == 0);
    CHECK((out[3] == 2 / (1 - dropout) || (dropout > 0 && out[3] == 0)));
  }
}
