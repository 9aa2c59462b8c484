#include "ops/layer_mix.h"

#include <cmath>

#include "base/error.h"
#include "tests/catch.h"
#include "tests/ops/op_table.h"

using namespace storm;
using test::Doubles;
using test::OpFamily;

namespace {

// Inputs: the layers, their scores, gamma.
Doubles reference(std::span<const Doubles> in) {
  const std::size_t layers = in.size() - 2;
  double sum = 0;
  for (const double s : in[layers]) sum += std::exp(s);
  Doubles y(in[0].size());
  for (std::size_t l = 0; l < layers; ++l)
    for (std::size_t i = 0; i < y.size(); ++i) y[i] += in.back()[0] * std::exp(in[layers][l]) / sum * in[l][i];
  return y;
}

std::vector<Shape> shapes_of(int64_t layers, Shape shape) {
  std::vector<Shape> shapes(static_cast<std::size_t>(layers), shape);
  shapes.push_back({1, layers});
  shapes.push_back({1, 1});
  return shapes;
}

Value record(Graph& g, std::span<const Value> in) {
  return layer_mix(g, in.first(in.size() - 2), in[in.size() - 2], in.back());
}

const test::InOpTable kLayerMix(
    {.name = "layer_mix",
     .checked = {shapes_of(1, {2, 3}), shapes_of(3, {7, 9}), shapes_of(13, {2, 5}), shapes_of(14, {3, 3}),
                 shapes_of(28, {1, 2}), shapes_of(2, {9, 240})},
     .timed = {shapes_of(3, {4096, 1024}), shapes_of(13, {4096, 768})},
     .record = record,
     .reference = [](std::span<const Doubles> in, std::span<const Shape>) { return reference(in); },
     .forward = [](std::span<const Shape> s) -> OpFamily::Work {
       const double n = static_cast<double>(s[0].size()), layers = static_cast<double>(s.size() - 2);
       return {.flops = 2 * layers * n, .bytes = 4 * (layers + 1) * n};
     },
     .backward = [](std::span<const Shape> s) -> OpFamily::Work {
       const double n = static_cast<double>(s[0].size()), layers = static_cast<double>(s.size() - 2);
       return {.flops = 3 * layers * n, .bytes = 4 * (2 * layers + 1) * n};
     }});

}  // namespace

TEST_CASE("a layer that stands in a mix twice gets both gradients") {
  test::check_op({.inputs = {{3, 4}, {1, 2}, {1, 1}},
                  .record =
                      [](Graph& g, std::span<const Value> v) {
                        return layer_mix(g, std::vector{v[0], v[0]}, v[1], v[2]);
                      },
                  .reference =
                      [](std::span<const Doubles> in) {
                        return reference(std::vector{in[0], in[0], in[1], in[2]});
                      }});
}

TEST_CASE("a mix of layers that do not fit is refused") {
  const std::vector<float> x(12);
  Graph g(false);
  const Value a = g.constant({2, 3}, x.data()), b = g.constant({3, 2}, x.data()), one = g.constant({1, 1}, x.data()),
              two = g.constant({1, 2}, x.data());
  CHECK_NOTHROW(layer_mix(g, std::vector{a, a}, two, one));
  CHECK_THROWS_AS(layer_mix(g, std::vector{a, b}, two, one), Error);
  CHECK_THROWS_AS(layer_mix(g, std::vector{a, a}, one, one), Error);
  CHECK_THROWS_AS(layer_mix(g, std::vector{a, a}, two, two), Error);
  CHECK_THROWS_AS(layer_mix(g, {}, two, one), Error);
}
