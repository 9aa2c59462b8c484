#include "ops/linear.h"

#include <cmath>
#include <numbers>

#include "tests/catch.h"
#include "tests/ops/once.h"
#include "tests/ops/op_table.h"

using namespace storm;
using test::Doubles;
using test::OpFamily;

namespace {

Doubles activated_sums(Doubles sums, Activation activation) {
  for (double& z : sums) {
    if (activation == Activation::relu) z = std::max(z, 0.0);
    if (activation == Activation::gelu) z *= 0.5 * (1 + std::erf(z / std::sqrt(2.0)));
    if (activation == Activation::gelu_tanh)
      z *= 0.5 * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (z + 0.044715 * z * z * z)));
    if (activation == Activation::swish) z /= 1 + std::exp(-z);
    if (activation == Activation::tanh) z = std::tanh(z);
  }
  return sums;
}

Doubles reference(std::span<const Doubles> in, int64_t rows, int64_t k, int64_t n, Activation activation) {
  Doubles y(static_cast<std::size_t>(rows * n));
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t j = 0; j < n; ++j) {
      double z = in.size() > 2 ? in[2][static_cast<std::size_t>(j)] : 0;
      for (int64_t i = 0; i < k; ++i)
        z += in[0][static_cast<std::size_t>(r * k + i)] * in[1][static_cast<std::size_t>(j * k + i)];
      y[static_cast<std::size_t>(r * n + j)] = z;
    }
  return activated_sums(std::move(y), activation);
}

// Few rows, of which products have a kernel of their own, and as many as training has.
const test::InOpTable kLinear({.name = "linear with a bias",
                               .checked = {{{13, 260}, {9, 260}, {1, 9}}, {{33, 7}, {5, 7}, {1, 5}}},
                               .timed = {{{1, 768}, {3072, 768}, {1, 3072}},
                                         {{32, 768}, {3072, 768}, {1, 3072}},
                                         {{32, 3072}, {768, 3072}, {1, 768}},
                                         {{20, 650}, {2600, 650}, {1, 2600}},
                                         {{4096, 384}, {1536, 384}, {1, 1536}}},
                               .record = [](Graph& g,
                                            std::span<const Value> in) { return linear(g, in[0], in[1], in[2]); },
                               .reference =
                                   [](std::span<const Doubles> in, std::span<const Shape> s) {
                                     return reference(in, s[0].rows, s[0].cols, s[1].rows, Activation::none);
                                   },
                               // Reads both matrices, writes y; back, y's gradient and both matrices are read for two
                               // products, two gradients written.
                               .forward = [](std::span<const Shape> s) -> OpFamily::Work {
                                 const auto rows = static_cast<double>(s[0].rows), k = static_cast<double>(s[0].cols),
                                            n = static_cast<double>(s[1].rows);
                                 return {.flops = 2 * rows * k * n, .bytes = 4 * (rows * k + k * n + rows * n)};
                               },
                               .backward = [](std::span<const Shape> s) -> OpFamily::Work {
                                 const auto rows = static_cast<double>(s[0].rows), k = static_cast<double>(s[0].cols),
                                            n = static_cast<double>(s[1].rows);
                                 return {.flops = 4 * rows * k * n,
                                         .bytes = 4 * (2 * rows * k + 2 * k * n + 2 * rows * n)};
                               }});

// What the activation makes of each number.
std::vector<float> activated(const std::vector<float>& x, Activation activation) {
  const float one = 1;
  Graph graph(false);
  const Value y = linear(graph, graph.constant({static_cast<int64_t>(x.size()), 1}, x.data()),
                         graph.constant({1, 1}, &one), {}, activation);
  graph.keep(y);
  test::Once once(graph);
  once.forward();
  return {once.run.data(y), once.run.data(y) + x.size()};
}

}  // namespace

TEST_CASE("linear equals its double-precision reference, forward and gradients") {
  // Numbers of one, and numbers that reach where GELU's tails end.
  for (const double scale : {1.0, 3.0})
    for (const auto activation : {Activation::none, Activation::relu, Activation::gelu, Activation::gelu_tanh,
                                  Activation::swish, Activation::tanh})
      for (const bool bias : {true, false})
        for (const auto& size : {std::array<int64_t, 3>{1, 1, 1}, {3, 5, 7}, {17, 8, 70}}) {
          const int64_t rows = size[0], k = size[1], n = size[2];  // clang++ 14 captures no structured bindings
          std::vector<Shape> shapes{{rows, k}, {n, k}};
          if (bias) shapes.push_back({1, n});
          test::check_op({.inputs = shapes,
                          .record =
                              [&](Graph& g, std::span<const Value> v) {
                                return linear(g, v[0], v[1], bias ? v[2] : Value{}, activation);
                              },
                          .reference = [&](auto in) { return reference(in, rows, k, n, activation); },
                          .scale = scale});
        }
}

TEST_CASE("linear with a low-rank update equals its double-precision reference, forward and gradients, by parts") {
  constexpr int64_t rows = 13, k = 9, n = 11, rank = 2;
  constexpr float scale = 0.75f;
  const std::vector<std::vector<LowRank::Part>> all_parts{{{0, 11}}, {{0, 4}, {7, 4}}, {{2, 3}, {5, 1}, {6, 5}}};
  for (const auto activation : {Activation::none, Activation::relu, Activation::gelu, Activation::tanh})
    for (const auto& parts : all_parts)
      for (const bool apart : {false, true}) {  // whether A reads the same value as the weight
        int64_t columns = 0;
        for (const auto& part : parts) columns += part.count;
        const auto count = static_cast<int64_t>(parts.size());
        test::check_op(
            {.inputs = {{rows, k}, {n, k}, {1, n}, {count * rank, k}, {columns, rank}, {rows, k}},
             .record =
                 [&](Graph& g, std::span<const Value> v) {
                   const LowRank update{.x = v[apart ? 5 : 0], .a = v[3], .b = v[4], .scale = scale, .parts = parts};
                   return linear(g, v[0], v[1], v[2], activation, 0, &update);
                 },
             .reference =
                 [&](std::span<const Doubles> in) {
                   const auto& u = in[apart ? 5 : 0];
                   Doubles sums = reference(in.first(3), rows, k, n, Activation::none);
                   int64_t b_row = 0;
                   for (int64_t p = 0; p < count; ++p)
                     for (int64_t c = 0; c < parts[static_cast<std::size_t>(p)].count; ++c, ++b_row)
                       for (int64_t r = 0; r < rows; ++r)
                         for (int64_t j = 0; j < rank; ++j) {
                           double inner = 0;
                           for (int64_t i = 0; i < k; ++i)
                             inner += u[static_cast<std::size_t>(r * k + i)] *
                                      in[3][static_cast<std::size_t>((p * rank + j) * k + i)];
                           sums[static_cast<std::size_t>(r * n + parts[static_cast<std::size_t>(p)].first + c)] +=
                               static_cast<double>(scale) * inner * in[4][static_cast<std::size_t>(b_row * rank + j)];
                         }
                   return activated_sums(sums, activation);
                 }});
      }
}

TEST_CASE("a frozen weight's layer gives its low-rank update the gradients of one that is trained") {
  const std::vector<LowRank::Part> parts{{1, 2}, {4, 3}};
  const auto x = test::random_floats(5 * 6, 1), w = test::random_floats(7 * 6, 2), a = test::random_floats(4 * 6, 3),
             b = test::random_floats(5 * 2, 4), out = test::random_floats(5 * 7, 5);
  std::vector<std::vector<float>> got;
  for (const bool frozen : {false, true}) {
    std::vector<float> dx(x.size()), dw(w.size()), da(a.size()), db(b.size());
    Graph graph(true);
    const Value in = graph.parameter({5, 6}, x.data(), dx.data());
    const LowRank update{.x = in,
                         .a = graph.parameter({4, 6}, a.data(), da.data()),
                         .b = graph.parameter({5, 2}, b.data(), db.data()),
                         .parts = parts};
    const Value weight = graph.parameter({7, 6}, w.data(), frozen ? nullptr : dw.data());
    test::weighted_sum(graph, linear(graph, in, weight, {}, Activation::gelu, 0.3f, &update), out.data());
    test::Once once(graph, 1, 2);
    once.forward();
    once.backward();
    CHECK(std::ranges::any_of(dw, [](float d) { return d != 0; }) != frozen);
    for (const auto& gradient : {dx, da, db}) got.push_back(gradient);
  }
  for (std::size_t i = 0; i < 3; ++i) CHECK(got[i] == got[i + 3]);
}

TEST_CASE("GELU has PyTorch's values, and its tails end in the identity and in nothing") {
  const std::vector<float> x{1, -1, -3, 20, -20, 1e30f, -1e30f, NAN};
  // torch.nn.functional.gelu(x), and the same with approximate="tanh".
  const auto exact = activated(x, Activation::gelu), by_tanh = activated(x, Activation::gelu_tanh);
  const std::vector<float> want{0.84134475f, -0.15865525f, -0.00404969f},
      want_by_tanh{0.84119199f, -0.15880801f, -0.00363739f};
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(exact[i] == Approx(want[i]).epsilon(2e-6));
    CHECK(by_tanh[i] == Approx(want_by_tanh[i]).epsilon(2e-6));
  }
  for (const auto& y : {exact, by_tanh}) {
    CHECK(y[3] == 20);
    CHECK(y[4] == 0);
    CHECK(y[5] == 1e30f);
    CHECK(y[6] == 0);
    CHECK(std::isnan(y[7]));
  }
}

TEST_CASE("Swish has PyTorch's values, and its tails end in the identity and in nothing") {
  const auto y = activated({1, -1, -3, 0.5f, 8, -20, -88, 1e30f, INFINITY, -1e30f, -INFINITY, NAN}, Activation::swish);
  // torch.nn.functional.silu(x), which makes a NaN of minus infinity.
  const std::vector<float> want{0.731058598f, -0.268941432f,   -0.142277613f,   0.311229676f,
                                7.99731731f,  -4.12230747e-8f, -5.32804976e-37f};
  for (std::size_t i = 0; i < want.size(); ++i) CHECK(y[i] == Approx(want[i]).epsilon(1e-6));
  CHECK(y[7] == 1e30f);
  CHECK(y[8] == INFINITY);
  CHECK(y[9] == 0);
  CHECK(y[10] == 0);
  CHECK(std::isnan(y[11]));
}

TEST_CASE("a ReLU keeps a NaN: a model that has diverged must not look sound") {
  const std::vector<float> x{1, NAN, -1, 2}, weight{1, 0, 0, 1}, bias{0, 0};
  for (const float dropout : {0.0f, 0.5f}) {  // on a device, dropout's kernel takes the ReLU over from the product's
    Graph graph(dropout > 0);                 // only what is differentiated drops out
    const Value y = linear(graph, graph.constant({2, 2}, x.data()), graph.constant({2, 2}, weight.data()),
                           graph.constant({1, 2}, bias.data()), Activation::relu, dropout);
    graph.keep(y);
    test::Once once(graph);
    once.forward();
    const float* out = once.run.data(y);
    CHECK(std::isnan(out[0]));  // 1 * 1 + NaN * 0
    CHECK(std::isnan(out[1]));
    CHECK(out[2] == 0);
    CHECK((out[3] == 2 / (1 - dropout) || (dropout > 0 && out[3] == 0)));
  }
}
