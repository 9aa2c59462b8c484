#include "ops/span_cross_entropy.h"

#include <omp.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "tests/catch.h"
#include "tests/ops/check_loss.h"

using namespace storm;
using test::Doubles;

namespace {

struct Spans {
  int64_t k;
  std::vector<int32_t> offsets, targets;  // [texts + 1], [texts, k]
};

test::LossCase loss_over(const Spans& s, double scale = 3) {
  const auto texts = static_cast<int64_t>(s.offsets.size()) - 1;
  return {
      .input = {s.offsets.back(), s.k},
      .record =
          [=](Graph& g, Value x, float gradient_scale) {
            return span_cross_entropy(g, x, g.column(s.offsets), g.constant({texts, s.k}, s.targets), gradient_scale);
          },
      .reference =
          [=](const Doubles& x) {
            double loss = 0;
            for (std::size_t text = 0; text < static_cast<std::size_t>(texts); ++text)
              for (std::size_t c = 0, k = static_cast<std::size_t>(s.k); c < k; ++c) {
                const auto at = [&](int64_t t) { return x[static_cast<std::size_t>(t) * k + c]; };
                double exps = 0;
                for (int64_t t = s.offsets[text]; t < s.offsets[text + 1]; ++t) exps += std::exp(at(t));
                loss += (std::log(exps) - at(s.offsets[text] + s.targets[text * k + c])) / static_cast<double>(k);
              }
            return loss;
          },
      .scale = scale};
}

const Spans kAnswers{2, {0, 1, 8, 10, 77}, {0, 0, 2, 6, 1, 0, 66, 33}};  // starts and ends, of texts of 1, 7, 2, 67

}  // namespace

TEST_CASE("span_cross_entropy equals its double-precision reference, sums and gradient") {
  test::check_loss(loss_over(kAnswers));
  test::check_loss(loss_over({1, {0, 40}, {39}}));
  test::check_loss(loss_over({3, {0, 5, 6}, {4, 0, 2, 0, 0, 0}}));
  CHECK(test::loss_of(loss_over({2, {0}, {}}), {}) == 0);
}

TEST_CASE("span_cross_entropy: large logits neither overflow nor lose the loss, and NaN shows") {
  const auto loss = loss_over({1, {0, 3}, {2}});
  CHECK(test::loss_of(loss, {5000, 4999, -5000}) == Approx(10000 + std::log1p(std::exp(-1))).epsilon(1e-7));
  CHECK(std::isnan(test::loss_of(loss, {0, std::numeric_limits<float>::quiet_NaN(), 0})));
  CHECK_FALSE(std::isfinite(test::loss_of(loss, {0, std::numeric_limits<float>::infinity(), 0})));
}

TEST_CASE("span_cross_entropy refuses targets outside of their text and offsets that do not rise to the rows") {
  const auto run = [](const Spans& s) { return test::loss_of(loss_over(s), std::vector<float>(10)); };
  CHECK_NOTHROW(run({1, {0, 4, 10}, {3, 5}}));
  CHECK_THROWS_AS(run({1, {0, 4, 10}, {4, 5}}), Error);   // of the neighbour
  CHECK_THROWS_AS(run({1, {0, 4, 10}, {-1, 5}}), Error);  // in front of all
  CHECK_THROWS_AS(run({1, {0, 0, 10}, {0, 5}}), Error);   // a text without tokens has no right one
  CHECK_THROWS_AS(run({1, {0, 12, 10}, {0, 0}}), Error);
  CHECK_THROWS_AS(run({1, {1, 10}, {0}}), Error);
  Graph g(false);
  const Value x = g.constant({4, 2}, std::vector<float>(8));
  CHECK_THROWS_AS(span_cross_entropy(g, x, g.column({0, 4}), g.column({1}), 1), Error);  // one column of two
  CHECK_THROWS_AS(span_cross_entropy(g, x, g.column({0, 4, 4}), g.constant({1, 2}, std::vector<int32_t>{1, 1}), 1),
                  Error);
}

TEST_CASE("span_cross_entropy's sum does not depend on the number of threads") {
  Spans spans{2, {0}, {}};
  for (int32_t i = 1; i <= 100; ++i) {
    spans.offsets.push_back(spans.offsets.back() + i);
    spans.targets.insert(spans.targets.end(), {i / 2, i - 1});
  }
  const auto x = test::random_floats(static_cast<std::size_t>(2 * spans.offsets.back()), 3);
  const int threads = omp_get_max_threads();
  std::vector<double> losses;
  for (const int t : {1, 2, 5}) {
    omp_set_num_threads(t);
    losses.push_back(test::loss_of(loss_over(spans), x));
  }
  omp_set_num_threads(threads);
  CHECK(losses == std::vector(3, losses[0]));
}
