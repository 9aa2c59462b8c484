#include "ops/top_k.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "tests/catch.h"
#include "tests/ops/check.h"
#include "tests/ops/once.h"

using namespace storm;

namespace {

constexpr float kInf = std::numeric_limits<float>::infinity(), kNan = std::numeric_limits<float>::quiet_NaN();

struct Best {
  std::vector<float> log_probs;
  std::vector<int32_t> ids;
};

Best best_of(const std::vector<float>& logits, int64_t rows, int32_t k) {
  Graph graph(false);
  const auto out = top_k(graph, graph.constant({rows, static_cast<int64_t>(logits.size()) / rows}, logits.data()), k);
  graph.keep(out.log_probs);
  graph.keep(out.ids);
  const test::Once once(graph);
  once.forward();
  const auto n = graph.shape(out.ids).size();
  const float* p = once.run.data(out.log_probs);
  const int32_t* id = once.run.data<int32_t>(out.ids);
  return {{p, p + n}, {id, id + n}};
}

double log_sum(const float* x, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += std::exp(static_cast<double>(x[i]));
  return std::log(sum);
}

}  // namespace

TEST_CASE("top_k equals a full sort: order, ids, log-probabilities, ties to the lower id") {
  for (const int64_t n : {1, 2, 3, 7, 64, 65, 130, 1000})
    for (const int32_t k : {1, 2, 10, 64, 2000})
      for (const bool ties : {false, true}) {
        constexpr int64_t rows = 5;
        auto logits = test::random_floats(static_cast<std::size_t>(rows * n), static_cast<uint64_t>(n));
        for (float& x : logits) x = ties ? std::round(4 * x) : 20 * x;
        std::sort(logits.begin(), logits.begin() + n);  // one row where each is better than all before
        const Best best = best_of(logits, rows, k);
        const int64_t found = std::min<int64_t>(k, n);
        REQUIRE(static_cast<int64_t>(best.ids.size()) == rows * found);
        for (int64_t r = 0; r < rows; ++r) {
          const float* x = logits.data() + r * n;
          std::vector<int32_t> order(static_cast<std::size_t>(n));
          std::iota(order.begin(), order.end(), 0);
          std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return x[a] > x[b]; });
          order.resize(static_cast<std::size_t>(found));
          CHECK(order == std::vector<int32_t>(best.ids.begin() + r * found, best.ids.begin() + (r + 1) * found));
          double worst = 0;
          for (int64_t i = 0; i < found; ++i)
            worst =
                std::max(worst, std::abs(static_cast<double>(best.log_probs[static_cast<std::size_t>(r * found + i)]) -
                                         (static_cast<double>(x[order[static_cast<std::size_t>(i)]]) - log_sum(x, n))));
          CHECK(worst <= test::allowed(6e-6));  // numbers up to 46 in f32, rounded twice
        }
      }
}

TEST_CASE("top_k survives NaN and infinities, which take their places: NaN is the lowest") {
  std::vector<float> logits(200, -1.0f);
  logits[3] = kNan, logits[130] = 2, logits[0] = kNan, logits[150] = -kInf;
  CHECK(best_of(logits, 1, 3).ids == std::vector<int32_t>{130, 1, 2});
  const auto all = best_of(logits, 1, 200);
  CHECK(std::vector<int32_t>(all.ids.end() - 3, all.ids.end()) == std::vector<int32_t>{0, 3, 150});
  CHECK(std::isnan(all.log_probs[0]));  // there is no distribution, and the caller sees it
  CHECK(best_of(std::vector<float>(100, kNan), 1, 3).ids == std::vector<int32_t>{0, 1, 2});
  CHECK(best_of(std::vector<float>(100, -kInf), 1, 3).ids == std::vector<int32_t>{0, 1, 2});
  logits.assign(100, -kInf);
  logits[70] = 5;  // every other word is forbidden
  const auto one = best_of(logits, 1, 2);
  CHECK(one.ids == std::vector<int32_t>{70, 0});
  CHECK(one.log_probs == std::vector<float>{0, -kInf});
  logits[71] = kInf;
  CHECK(best_of(logits, 1, 2).ids == std::vector<int32_t>{71, 70});
}

TEST_CASE("log_softmax equals its double-precision reference, and a row does not depend on its neighbours") {
  for (const int64_t n : {1, 2, 7, 33, 1000}) {
    constexpr int64_t rows = 3;
    auto logits = test::random_floats(static_cast<std::size_t>(rows * n), 3);
    for (float& x : logits) x *= 30;
    const auto run = [&](const float* x, int64_t count) {
      Graph graph(false);
      const Value y = log_softmax(graph, graph.constant({count, n}, x));
      graph.keep(y);
      const test::Once once(graph);
      once.forward();
      return std::vector<float>(once.run.data(y), once.run.data(y) + count * n);
    };
    const auto y = run(logits.data(), rows);
    double worst = 0;
    for (int64_t r = 0; r < rows; ++r) {
      const float* x = logits.data() + r * n;
      for (int64_t i = 0; i < n; ++i)
        worst = std::max(worst, std::abs(static_cast<double>(y[static_cast<std::size_t>(r * n + i)]) -
                                         (static_cast<double>(x[i]) - log_sum(x, n))));
      CHECK(run(x, 1) == std::vector<float>(y.begin() + r * n, y.begin() + (r + 1) * n));
    }
    CHECK(worst <= 1e-5);  // numbers up to 67 in f32, rounded twice
  }
}

TEST_CASE("pick takes the column that each row names, and no other") {
  constexpr int64_t rows = 300, n = 7;
  const auto x = test::random_floats(rows * n, 4);
  std::vector<int32_t> columns;
  for (int32_t r = 0; r < rows; ++r) columns.push_back(r * r % n);
  Graph graph(false);
  const Value in = graph.constant({rows, n}, x.data());
  const Value y = pick(graph, in, graph.constant({rows, 1}, columns.data()));
  graph.keep(y);
  const test::Once once(graph);
  once.forward();
  for (int64_t r = 0; r < rows; ++r)
    REQUIRE(once.run.data(y)[r] == x[static_cast<std::size_t>(r * n + columns[static_cast<std::size_t>(r)])]);
  columns[9] = n;
  CHECK_THROWS_AS(pick(graph, in, graph.constant({rows, 1}, columns.data())), Error);
  columns[9] = -1;
  CHECK_THROWS_AS(pick(graph, in, graph.constant({rows, 1}, columns.data())), Error);
  CHECK_THROWS_AS(pick(graph, in, graph.constant({rows - 1, 1}, columns.data())), Error);
}

TEST_CASE("index_fill changes its columns alone, in place or not") {
  constexpr int64_t rows = 300, n = 70;
  const auto x = test::random_floats(rows * n, 5);
  const std::vector<int32_t> columns{69, 0, 33};
  Graph graph(false);
  const Value in = graph.constant({rows, n}, x.data());
  const Value at = graph.constant({3, 1}, columns.data());
  const Value soft = log_softmax(graph, in);
  const Value here = index_fill(graph, soft, at, -kInf), there = index_fill(graph, in, at, 7);
  for (const Value v : {here, there}) graph.keep(v);
  const test::Once once(graph);
  once.forward();
  CHECK(once.run.data(here) == once.run.data(soft));
  for (int64_t i = 0; i < rows * n; ++i) {
    const bool filled = std::ranges::find(columns, i % n) != columns.end();
    REQUIRE(once.run.data(there)[i] == (filled ? 7 : x[static_cast<std::size_t>(i)]));
    REQUIRE(std::isinf(once.run.data(here)[i]) == filled);
  }
  const std::vector<int32_t> outside{1, n}, below{-1};
  CHECK_THROWS_AS(index_fill(graph, in, graph.constant({2, 1}, outside.data()), 0), Error);
  CHECK_THROWS_AS(index_fill(graph, in, graph.constant({1, 1}, below.data()), 0), Error);
  CHECK_THROWS_AS(index_fill(graph, in, graph.constant({1, 2}, columns.data()), 0), Error);
}

TEST_CASE("top_k, log_softmax, pick and index_fill take no rows") {
  Graph graph(false);
  const Value logits = graph.constant({0, 9}, static_cast<const float*>(nullptr));
  CHECK(graph.shape(top_k(graph, logits, 4).ids) == Shape{0, 4});
  pick(graph, log_softmax(graph, logits), graph.constant({0, 1}, static_cast<const int32_t*>(nullptr)));
  const int32_t column = 3;
  index_fill(graph, logits, graph.constant({1, 1}, &column), 0);
  test::Once(graph).run.forward();
}
