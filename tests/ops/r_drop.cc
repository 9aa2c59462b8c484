// R-Drop: cross_entropy of rows that come twice.
#include <cmath>

#include "base/error.h"
#include "base/random.h"
#include "ops/cross_entropy.h"
#include "tests/catch.h"
#include "tests/ops/check_loss.h"
#include "tests/ops/once.h"

using namespace storm;
using test::check_slopes;
using test::Doubles;

namespace {

struct Pairs {
  int64_t pairs, d, vocabulary;
  double epsilon, r_drop;
  std::vector<float> x, weight, dx, dweight;
  std::vector<int32_t> targets;

  Pairs(int64_t count, int64_t width, int64_t words, double smoothing, double drop)
      : pairs(count), d(width), vocabulary(words), epsilon(smoothing), r_drop(drop) {
    x = test::random_floats(static_cast<std::size_t>(2 * pairs * d), 1);
    weight = test::random_floats(static_cast<std::size_t>(vocabulary * d), 2);
    for (float& v : x) v *= 3;
    dx.assign(x.size(), 0.5f), dweight.assign(weight.size(), 0.5f);
    RandomStream random(4, RandomUse::initial_weights, 6);
    for (int64_t r = 0; r < pairs; ++r)
      targets.push_back(static_cast<int32_t>(random.below(static_cast<uint64_t>(vocabulary))));
    targets.insert(targets.end(), targets.begin(), targets.end());
  }

  CrossEntropy record(Graph& g, float scale) {
    const LossOptions options(static_cast<float>(epsilon), static_cast<float>(r_drop));
    return cross_entropy(g, g.parameter({2 * pairs, d}, x.data(), dx.data()),
                         g.parameter({vocabulary, d}, weight.data(), dweight.data()), {},
                         g.constant({2 * pairs, 1}, targets.data()), options, scale);
  }

  Doubles log_probs(const Doubles& rows, const Doubles& words, int64_t r) const {
    Doubles z;
    double sum = 0;
    for (int64_t v = 0; v < vocabulary; ++v) {
      double dot = 0;
      for (int64_t i = 0; i < d; ++i)
        dot += rows[static_cast<std::size_t>(r * d + i)] * words[static_cast<std::size_t>(v * d + i)];
      z.push_back(dot);
      sum += std::exp(dot);
    }
    for (double& v : z) v -= std::log(sum);
    return z;
  }
  double loss(const Doubles& rows, const Doubles& words) const {
    double sum = 0;
    for (int64_t r = 0; r < pairs; ++r) {
      const auto p = log_probs(rows, words, r), q = log_probs(rows, words, r + pairs);
      const auto target = static_cast<std::size_t>(targets[static_cast<std::size_t>(r)]);
      sum -= (1 - epsilon) * (p[target] + q[target]);
      for (std::size_t v = 0; v < p.size(); ++v) {
        sum -= epsilon / static_cast<double>(vocabulary) * (p[v] + q[v]);
        sum += r_drop / 2 * (std::exp(p[v]) - std::exp(q[v])) * (p[v] - q[v]);
      }
    }
    return sum;
  }
};

}  // namespace

TEST_CASE("R-Drop's loss and gradients equal their double-precision reference") {
  constexpr double kScale = 0.25;
  for (Pairs c : {Pairs(1, 3, 2, 0, 1), Pairs(3, 8, 37, 0.1, 5), Pairs(5, 2, 200, 0.1, 0.7), Pairs(2, 33, 5, 0.3, 3)}) {
    Graph graph(true);
    const auto out = c.record(graph, static_cast<float>(kScale));
    const test::Once once(graph);
    once.forward();
    once.backward();
    INFO(c.pairs << " pairs, d " << c.d << ", vocabulary " << c.vocabulary);
    Doubles x(c.x.begin(), c.x.end()), weight(c.weight.begin(), c.weight.end());
    const double want = c.loss(x, weight);
    CHECK(std::abs(once.run.data<double>(out.totals)[0] - want) <= test::allowed(4e-6) * std::max(1.0, want));
    double nll = 0;
    for (int64_t r = 0; r < 2 * c.pairs; ++r) {
      const double gold = -c.log_probs(x, weight, r)[static_cast<std::size_t>(c.targets[static_cast<std::size_t>(r)])];
      CHECK(std::abs(static_cast<double>(once.run.data(out.token_nll)[r]) - gold) <= test::allowed(4e-6));
      nll += gold;
    }
    CHECK(std::abs(once.run.data<double>(out.totals)[1] - nll) <= test::allowed(4e-6) * std::max(1.0, nll));
    check_slopes("x", x, c.dx, kScale, 2e-6, [&] { return c.loss(x, weight); });
    check_slopes("weight", weight, c.dweight, kScale, 2e-6, [&] { return c.loss(x, weight); });
  }
}

TEST_CASE("R-Drop is what the paper's formula gives in PyTorch") {
  // F.cross_entropy(z, t, reduction="sum", label_smoothing=0.1) + 3 * (KL(p || q) + KL(q || p)) / 2, z = x @ w.T in
  // float64, p and q the softmax of its halves.
  Pairs c(2, 3, 5, 0.1, 3);
  c.x = {0.5f, -1, 2, 1.5f, 0.25f, -0.75f, 0.75f, -0.5f, 1, 1, 0.5f, -1.5f};
  c.weight = {0.2f, 0.7f, -0.3f, -0.6f, 0.1f, 0.9f, 1.1f, -0.4f, 0.3f, 0, 0.8f, -1.2f, -0.5f, -0.9f, 0.4f};
  c.targets = {1, 3, 1, 3};
  c.dx.assign(12, 0), c.dweight.assign(15, 0);
  Graph graph(true);
  const auto out = c.record(graph, 1);
  const test::Once once(graph);
  once.forward();
  CHECK(once.run.data<double>(out.totals)[0] == Approx(6.202902212411733).epsilon(1e-6));
  const double dx[] = {-0.2691231174729,    -0.6721654897975688, 0.048480476732784994, 1.5086213646760964,
                       -1.7806436138723798, 2.354733845016686,   1.663541156763496,    -0.006387061130286642,
                       -0.9977407491323729, -0.6115197477129792, 0.8401455839706128,   -1.048381582639069};
  const double dw[] = {0.39631540926005127, 0.04601019272599155, -0.14723369054117888, -0.9395592157804548,
                       0.8215582625706829,  -1.629834705108593,  2.0248744892475203,   -0.25415537764958457,
                       0.4664142606570806,  -1.6933385654375552, -0.06930939601620789, 0.20985163139345908,
                       0.2117078827104377,  -0.5441036816308819, 1.1008025035992324};
  for (std::size_t i = 0; i < 12; ++i) CHECK(std::abs(static_cast<double>(c.dx[i]) - dx[i]) < 2e-6);
  for (std::size_t i = 0; i < 15; ++i) CHECK(std::abs(static_cast<double>(c.dweight[i]) - dw[i]) < 2e-6);
}

TEST_CASE("two passes that say the same lose nothing to R-Drop") {
  Pairs c(300, 4, 21, 0.1, 5);  // more rows than lie in one chunk of a small vocabulary's
  std::copy_n(c.x.begin(), c.x.size() / 2, c.x.begin() + static_cast<std::ptrdiff_t>(c.x.size() / 2));
  std::vector<double> losses;
  std::vector<std::vector<float>> slopes;
  for (const double r_drop : {0.0, 5.0}) {
    Pairs one = c;
    one.r_drop = r_drop;
    Graph graph(true);
    const auto out = one.record(graph, 0.5f);
    const test::Once once(graph);
    once.forward();
    losses.push_back(once.run.data<double>(out.totals)[0]);
    slopes.push_back(one.dx);
  }
  CHECK(losses[1] == Approx(losses[0]).epsilon(1e-9));
  for (std::size_t i = 0; i < slopes[0].size(); ++i) CHECK(std::abs(slopes[0][i] - slopes[1][i]) < 2e-6f);
}

TEST_CASE("R-Drop refuses rows that do not come twice") {
  Pairs c(2, 3, 5, 0.1, 3);
  c.targets[3] = (c.targets[3] + 1) % 5;
  Graph graph(true);
  c.record(graph, 1);
  CHECK_THROWS_AS(test::Once(graph).run.forward(), Error);
}
