// The small ops of a convolutional model: gated linear units, weight normalisation, weighted sums, attention's memory.
#include <omp.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "ops/attention_memory.h"
#include "ops/glu.h"
#include "ops/weight_norm.h"
#include "ops/weighted_sum.h"
#include "tests/catch.h"
#include "tests/ops/check.h"
#include "tests/ops/once.h"

using namespace storm;
using test::Doubles;

namespace {

std::size_t at(int64_t i) { return static_cast<std::size_t>(i); }

}  // namespace

TEST_CASE("glu equals its double-precision reference, forward and gradients, with and without a residual") {
  for (const bool residual : {true, false})
    for (const auto& [rows, n] : {std::pair<int64_t, int64_t>{1, 1}, {3, 5}, {17, 8}, {70, 3}, {2, 33}}) {
      std::vector<Shape> shapes{{rows, 2 * n}, {1, 2 * n}};
      if (residual) shapes.push_back({rows, n});
      test::check_op(
          {.inputs = shapes,
           .record = [&](Graph& g,
                         std::span<const Value> v) { return glu(g, v[0], v[1], residual ? v[2] : Value{}, 0.7f); },
           .reference =
               [&, r_ = rows, n_ = n](std::span<const Doubles> in) {
                 Doubles y;
                 for (int64_t r = 0; r < r_; ++r)
                   for (int64_t i = 0; i < n_; ++i) {
                     const double a = in[0][at(r * 2 * n_ + i)] + in[1][at(i)];
                     const double b = in[0][at(r * 2 * n_ + n_ + i)] + in[1][at(n_ + i)];
                     const double more = residual ? in[2][at(r * n_ + i)] : 0;
                     y.push_back(static_cast<double>(0.7f) * (a / (1 + std::exp(-b)) + more));
                   }
                 return y;
               },
           .scale = 3});
    }
}

TEST_CASE("glu's gates close and open at the ends of the range without overflow") {
  const std::vector<float> z{2, 2, 2, 2, -1000, -100, 100, 1000}, bias(8);
  Graph g(false);
  const Value y = glu(g, g.constant({1, 8}, z.data()), g.constant({1, 8}, bias.data()));
  g.keep(y);
  const test::Once once(g);
  once.forward();
  const float* out = once.run.data(y);
  CHECK(std::abs(out[0]) < 1e-36f);
  CHECK(std::abs(out[1]) < 1e-36f);
  CHECK(out[2] == 2);
  CHECK(out[3] == 2);
}

TEST_CASE("glu's gradients have the same bits for any number of threads") {
  constexpr int64_t rows = 1000, n = 37;
  const auto z = test::random_floats(rows * 2 * n, 1), bias = test::random_floats(2 * n, 2);
  const auto run = [&](int threads) {
    omp_set_num_threads(threads);
    std::vector<float> dz(z.size()), db(bias.size());
    Graph g(true);
    const Value y =
        glu(g, g.parameter({rows, 2 * n}, z.data(), dz.data()), g.parameter({1, 2 * n}, bias.data(), db.data()));
    static constexpr Op sum{"sum",
                            [](const Execution& e, const Node& node) {
                              std::fill_n(e.gradient(node.inputs[0]), e.shape(node.inputs[0]).size(), 1.0f);
                            },
                            nullptr, true};
    g.record(Node{.op = &sum, .inputs = {y}}, {}, 0);
    const test::Once once(g);
    once.forward();
    once.backward();
    dz.insert(dz.end(), db.begin(), db.end());
    return dz;
  };
  const int threads = omp_get_max_threads();
  const auto one = run(1), three = run(3);
  omp_set_num_threads(threads);
  CHECK(one == three);
}

TEST_CASE("weight_norm equals its double-precision reference, forward and gradients") {
  for (const auto& [rows, n] : {std::pair<int64_t, int64_t>{1, 1}, {3, 5}, {17, 8}, {9, 130}})
    test::check_op({.inputs = {{rows, n}, {1, rows}},
                    .record = [](Graph& g, std::span<const Value> v) { return weight_norm(g, v[0], v[1]); },
                    .reference =
                        [&, r_ = rows, n_ = n](std::span<const Doubles> in) {
                          Doubles w;
                          for (int64_t r = 0; r < r_; ++r) {
                            double squares = 0;
                            for (int64_t i = 0; i < n_; ++i) squares += in[0][at(r * n_ + i)] * in[0][at(r * n_ + i)];
                            for (int64_t i = 0; i < n_; ++i)
                              w.push_back(in[1][at(r)] * in[0][at(r * n_ + i)] / std::sqrt(squares));
                          }
                          return w;
                        },
                    .tolerance = 5e-6});
}

TEST_CASE("weighted_sum equals its double-precision reference, also when a value is added to itself") {
  const auto reference = [](std::span<const Doubles> in) {
    Doubles y;
    for (std::size_t i = 0; i < in[0].size(); ++i)
      y.push_back(0.5 * in[0][i] - 2 * in[1][i] + (in.size() > 2 ? 0.25 * in[2][i] : 0));
    return y;
  };
  for (const std::size_t terms : {2, 3})
    test::check_op({.inputs = std::vector<Shape>(terms, {7, 13}),
                    .record =
                        [&](Graph& g, std::span<const Value> v) {
                          return weighted_sum(g, {v[0], 0.5f}, {v[1], -2}, {terms > 2 ? v[2] : Value{}, 0.25f});
                        },
                    .reference = reference});
  test::check_op({.inputs = {{7, 13}},
                  .record =
                      [](Graph& g, std::span<const Value> v) {
                        return weighted_sum(g, {v[0], 0.5f}, {v[0], -2}, {v[0], 0.25f});
                      },
                  .reference = [&](std::span<const Doubles> in) { return reference(std::vector<Doubles>(3, in[0])); }});
  // A computed value, whose memory and gradient are shared with nothing that is still needed.
  test::check_op({.inputs = {{7, 13}, {7, 13}},
                  .record =
                      [](Graph& g, std::span<const Value> v) {
                        const Value x = weighted_sum(g, {v[0], 1}, {v[1], 1});
                        const Value y = weighted_sum(g, {x, 2}, {x, 3});
                        return weighted_sum(g, {y, 1}, {x, -1}, {y, 0.5f});
                      },
                  .reference =
                      [](std::span<const Doubles> in) {
                        Doubles y;
                        for (std::size_t i = 0; i < in[0].size(); ++i) y.push_back(6.5 * (in[0][i] + in[1][i]));
                        return y;
                      }});
}

TEST_CASE("attention_memory equals its double-precision reference over ragged batches") {
  for (const auto& offsets : {std::vector<int32_t>{0, 1}, {0, 0, 3, 3, 4, 11}, {0, 2, 4, 6, 8, 10, 12}}) {
    const int64_t rows = offsets.back(), sentences = static_cast<int64_t>(offsets.size());
    for (const int64_t n : {1, 5, 16})
      test::check_op({.inputs = {{rows, n}, {rows, n}},
                      .record =
                          [&](Graph& g, std::span<const Value> v) {
                            return attention_memory(g, v[0], v[1], g.constant({sentences, 1}, offsets.data()), 0.7f, 1);
                          },
                      .reference =
                          [&](std::span<const Doubles> in) {
                            Doubles kv;
                            for (std::size_t s = 0; s + 1 < offsets.size(); ++s)
                              for (int64_t r = offsets[s]; r < offsets[s + 1]; ++r) {
                                const double factor =
                                    static_cast<double>(0.7f) * std::sqrt(offsets[s + 1] - offsets[s]);
                                for (int64_t i = 0; i < n; ++i) kv.push_back(in[0][at(r * n + i)]);
                                for (int64_t i = 0; i < n; ++i)
                                  kv.push_back(factor * (in[0][at(r * n + i)] + in[1][at(r * n + i)]));
                              }
                            return kv;
                          }});
  }
}

TEST_CASE("attention_memory scales the gradient of the encoder's outputs, and not that of the embeddings") {
  const auto x = test::random_floats(24, 1);
  const std::vector<int32_t> offsets{0, 2, 6};
  const auto gradients = [&](float scale) {
    std::vector<float> dz(24), de(24);
    Graph g(true);
    const Value kv =
        attention_memory(g, g.parameter({6, 4}, x.data(), dz.data()), g.parameter({6, 4}, x.data(), de.data()),
                         g.constant({3, 1}, offsets.data()), 0.7f, scale);
    static constexpr Op sum{
        "sum", [](const Execution& e, const Node& node) { std::fill_n(e.gradient(node.inputs[0]), 48, 1.0f); }, nullptr,
        true};
    g.record(Node{.op = &sum, .inputs = {kv}}, {}, 0);
    const test::Once once(g);
    once.forward();
    once.backward();
    return std::pair(dz, de);
  };
  const auto [dz, de] = gradients(1);
  const auto [scaled, same] = gradients(0.125f);
  CHECK(same == de);
  for (std::size_t i = 0; i < dz.size(); ++i) CHECK(scaled[i] == dz[i] / 8);
  CHECK(de[0] == Approx(0.7 * std::sqrt(2.0)).epsilon(1e-6));
  CHECK(dz[0] == Approx(1 + 0.7 * std::sqrt(2.0)).epsilon(1e-6));
  CHECK(de[23] == Approx(1.4).epsilon(1e-6));
}

TEST_CASE("the small ops refuse shapes that do not fit") {
  const std::vector<float> x(64);
  Graph g(false);
  const auto value = [&](int64_t rows, int64_t cols) { return g.constant({rows, cols}, x.data()); };
  CHECK_THROWS_AS(glu(g, value(2, 5), value(1, 5)), Error);
  CHECK_THROWS_AS(glu(g, value(2, 6), value(1, 3)), Error);
  CHECK_THROWS_AS(glu(g, value(2, 6), value(1, 6), value(2, 6)), Error);
  CHECK_THROWS_AS(weight_norm(g, value(3, 4), value(1, 4)), Error);
  CHECK_THROWS_AS(weighted_sum(g, {value(3, 4)}, {value(4, 3)}), Error);
  CHECK_THROWS_AS(weighted_sum(g, {value(3, 4)}, {value(3, 4)}, {value(4, 3)}), Error);
  CHECK_THROWS_AS(attention_memory(g, value(3, 4), value(3, 5), value(2, 1), 1, 1), Error);
  CHECK_THROWS_AS(attention_memory(g, value(3, 4), value(3, 4), value(2, 1), 1, 1), Error);  // offsets are not I32
}
