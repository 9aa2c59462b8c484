#include "ops/cross_entropy.h"

#include <omp.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/random.h"
#include "tests/catch.h"
#include "tests/ops/check_loss.h"
#include "tests/ops/once.h"

using namespace storm;
using test::check_slopes;
using test::Doubles;

namespace {

struct Case {
  int64_t rows, d, vocabulary;
  bool bias;
  double epsilon;
};

struct Inputs {
  std::vector<float> x, weight, bias, dx, dweight, dbias;  // gradients begin at 0.5, which must be added to
  std::vector<int32_t> targets;

  explicit Inputs(const Case& c) {
    const auto floats = [](int64_t n, uint64_t seed) { return test::random_floats(static_cast<std::size_t>(n), seed); };
    x = floats(c.rows * c.d, 1), weight = floats(c.vocabulary * c.d, 2), bias = floats(c.vocabulary, 3);
    for (float& v : x) v *= 3;
    dx.assign(x.size(), 0.5f), dweight.assign(weight.size(), 0.5f), dbias.assign(bias.size(), 0.5f);
    RandomStream random(4, RandomUse::initial_weights, 6);
    for (int64_t r = 0; r < c.rows; ++r)
      targets.push_back(static_cast<int32_t>(random.below(static_cast<uint64_t>(c.vocabulary))));
  }

  CrossEntropy record(Graph& g, const Case& c, float scale) {
    const Value b = c.bias ? g.parameter({1, c.vocabulary}, bias.data(), dbias.data()) : Value{};
    return cross_entropy(g, g.parameter({c.rows, c.d}, x.data(), dx.data()),
                         g.parameter({c.vocabulary, c.d}, weight.data(), dweight.data()), b,
                         g.constant({c.rows, 1}, targets.data()), static_cast<float>(c.epsilon), scale);
  }
};

// The loss of one row, as the header defines it; *nll gets -log p(target).
double row_loss(const Case& c, const double* x, const Doubles& weight, const Doubles& bias, int32_t target,
                double* nll = nullptr) {
  Doubles z;
  double sum = 0, all = 0;
  for (int64_t v = 0; v < c.vocabulary; ++v) {
    double dot = c.bias ? bias[static_cast<std::size_t>(v)] : 0;
    for (int64_t i = 0; i < c.d; ++i) dot += x[i] * weight[static_cast<std::size_t>(v * c.d + i)];
    z.push_back(dot);
    sum += std::exp(dot);
  }
  for (const double v : z) all += std::log(sum) - v;
  const double gold = std::log(sum) - z[static_cast<std::size_t>(target)];
  if (nll) *nll = gold;
  return (1 - c.epsilon) * gold + c.epsilon / static_cast<double>(c.vocabulary) * all;
}

double loss_of(const Case& c, const Doubles& x, const Doubles& weight, const Doubles& bias,
               const std::vector<int32_t>& targets) {
  double sum = 0;
  for (std::size_t r = 0; r < targets.size(); ++r)
    sum += row_loss(c, x.data() + r * static_cast<std::size_t>(c.d), weight, bias, targets[r]);
  return sum;
}

}  // namespace

TEST_CASE("cross_entropy equals its double-precision reference: loss, likelihoods and all gradients") {
  constexpr double kScale = 0.25;
  for (const Case c : {Case{1, 1, 2, true, 0.1},
                       {1, 3, 37, false, 0.0},
                       {7, 8, 37, true, 0.1},
                       {4, 33, 2, true, 0.3},
                       {3, 2, 1000, true, 0.1},
                       {2, 130, 5, false, 0.1},
                       {1030, 1, 2, true, 0.1},
                       {5, 3, 1, true, 0.1}}) {
    Inputs in(c);
    Graph graph(true);
    const auto out = in.record(graph, c, static_cast<float>(kScale));
    const test::Once once(graph);
    once.forward();
    once.backward();
    INFO("rows " << c.rows << ", d " << c.d << ", vocabulary " << c.vocabulary);
    Doubles x(in.x.begin(), in.x.end()), weight(in.weight.begin(), in.weight.end()),
        bias(in.bias.begin(), in.bias.end());
    double loss = 0, nll = 0, worst = 0;
    for (std::size_t r = 0; r < in.targets.size(); ++r) {
      double gold = 0;
      loss += row_loss(c, x.data() + r * static_cast<std::size_t>(c.d), weight, bias, in.targets[r], &gold);
      nll += gold;
      const double off = std::abs(static_cast<double>(once.run.data(out.token_nll)[r]) - gold);
      if (!(off <= worst) && !std::isnan(worst)) worst = off;
    }
    // A logit's rounding by either library: OpenBLAS alone is off by up to 2.3e-6 here, oneDNN by less.
    CHECK(worst <= test::allowed(4e-6));
    const auto n = static_cast<double>(c.rows);
    CHECK(std::abs(once.run.data<double>(out.totals)[0] - loss) <= test::allowed(2e-6) * n);
    CHECK(std::abs(once.run.data<double>(out.totals)[1] - nll) <= test::allowed(2e-6) * n);
    // A row's slopes by the loss of that row alone, or it would be slow.
    for (std::size_t r = 0; r < in.targets.size(); ++r) {
      const auto width = static_cast<std::ptrdiff_t>(c.d), begin = static_cast<std::ptrdiff_t>(r) * width;
      Doubles row(x.begin() + begin, x.begin() + begin + width);
      const std::vector<float> got(in.dx.begin() + begin, in.dx.begin() + begin + width);
      check_slopes("x", row, got, kScale, 1e-6, [&] { return row_loss(c, row.data(), weight, bias, in.targets[r]); });
    }
    const auto all = [&] { return loss_of(c, x, weight, bias, in.targets); };
    check_slopes("weight", weight, in.dweight, kScale, 1e-6, all);
    if (c.bias) check_slopes("bias", bias, in.dbias, kScale, 1e-6, all);

    Graph inference(false);
    const auto again = in.record(inference, c, 1);
    const test::Once second(inference);
    second.forward();
    CHECK(std::abs(second.run.data<double>(again.totals)[0] - loss) <= test::allowed(2e-6) * n);
  }
}

TEST_CASE("cross_entropy over no rows is zero and leaves the parameters' gradients alone") {
  const Case c{0, 3, 5, true, 0.1};
  Inputs in(c);
  Graph graph(true);
  const auto out = in.record(graph, c, 1);
  const test::Once once(graph);
  once.forward();
  CHECK(once.run.data<double>(out.totals)[0] == 0);
  CHECK(once.run.data<double>(out.totals)[1] == 0);
  CHECK(in.dweight == std::vector<float>(15, 0.5f));
}

TEST_CASE("cross_entropy: NaN and infinite inputs show in the loss, and a wild target is an error") {
  const Case c{3, 2, 5, true, 0.1};
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    Inputs in(c);
    in.x[2] = bad;
    Graph graph(true);
    const auto out = in.record(graph, c, 1);
    const test::Once once(graph);
    once.forward();
    CHECK_FALSE(std::isfinite(once.run.data<double>(out.totals)[0]));
    CHECK_FALSE(std::isfinite(once.run.data<double>(out.totals)[1]));
    CHECK(std::isfinite(once.run.data(out.token_nll)[0]));
    CHECK_FALSE(std::isfinite(once.run.data(out.token_nll)[1]));
  }
  for (const int32_t wild : {-1, 5}) {
    Inputs in(c);
    in.targets[1] = wild;
    Graph graph(true);
    in.record(graph, c, 1);
    CHECK_THROWS_AS(test::Once(graph).run.forward(), Error);
  }
}

TEST_CASE("cross_entropy: large logits neither overflow nor lose the loss") {
  const Case c{1, 1, 3, true, 0.0};
  Inputs in(c);
  in.x = {1}, in.weight = {0, 0, 0}, in.bias = {5000, 4999, -5000}, in.targets = {2};
  Graph graph(true);
  const auto out = in.record(graph, c, 1);
  const test::Once once(graph);
  once.forward();
  CHECK(once.run.data<double>(out.totals)[1] == Approx(10000 + std::log1p(std::exp(-1))).epsilon(1e-7));
  CHECK(in.dbias[2] == -0.5f);
}

TEST_CASE("cross_entropy's sums do not depend on the number of threads") {
  // d is 1, so that the product's own order of summation cannot matter.
  const Case c{2100, 1, 700, true, 0.1};
  const int threads = omp_get_max_threads();
  std::vector<double> totals;
  std::vector<std::vector<float>> biases;
  for (const int t : {1, 2, 5}) {
    omp_set_num_threads(t);
    Inputs in(c);
    Graph graph(true);
    const auto out = in.record(graph, c, 1);
    const test::Once once(graph);
    once.forward();
    totals.push_back(once.run.data<double>(out.totals)[0]);
    biases.push_back(in.dbias);
  }
  omp_set_num_threads(threads);
  CHECK(totals[0] == totals[1]);
  CHECK(totals[0] == totals[2]);
  CHECK(biases[0] == biases[1]);
  CHECK(biases[0] == biases[2]);
}
