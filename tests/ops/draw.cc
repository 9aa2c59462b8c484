#include "ops/draw.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "tests/catch.h"
#include "tests/ops/check.h"
#include "tests/ops/once.h"

using namespace storm;

namespace {

struct Drawn {
  std::vector<int32_t> ids;
  std::vector<float> log_probs;
  std::vector<double> totals;
};

Drawn drawn(const std::vector<float>& x, const std::vector<double>& uniforms, const std::vector<int32_t>& banned,
            double temperature) {
  const auto rows = static_cast<int64_t>(uniforms.size());
  Graph graph(false);
  const Draws d =
      draw(graph, graph.constant({rows, static_cast<int64_t>(x.size()) / rows}, x.data()),
           graph.constant({rows, 1}, uniforms.data()), graph.constant({rows, 1}, banned.data()), temperature);
  graph.keep(d.ids);
  graph.keep(d.log_probs);
  graph.keep(d.totals);
  const test::Once once(graph);
  once.forward();
  const auto* ids = once.run.data<int32_t>(d.ids);
  const float* log_probs = once.run.data(d.log_probs);
  const auto* totals = once.run.data<double>(d.totals);
  return {{ids, ids + rows}, {log_probs, log_probs + rows}, {totals, totals + rows}};
}

}  // namespace

TEST_CASE("draw takes the id under which the uniform number falls") {
  for (const std::size_t n : {1, 2, 7, 255, 256, 257, 1000})
    for (const double temperature : {1.0, 0.5, 3.0}) {
      constexpr std::size_t rows = 40;
      auto x = test::random_floats(rows * n, n);
      for (float& value : x) value *= 4;
      std::vector<double> uniforms, totals;
      std::vector<int32_t> banned, want;
      for (std::size_t r = 0; r < rows; ++r) {
        banned.push_back(n > 1 && r % 3 == 0 ? static_cast<int32_t>(r * 7 % n) : -1);
        std::vector<double> shares;
        double all = 0;
        for (std::size_t i = 0; i < n; ++i) {
          const bool may = static_cast<int32_t>(i) != banned[r];
          all += may ? std::exp(static_cast<double>(x[r * n + i]) / temperature) : 0;
          shares.push_back(all);
        }
        // In the middle of an id's share, so that rounding does not matter: that of a few large ones.
        std::size_t id = n;
        for (std::size_t i = 0; i < n; ++i) {
          const bool may = static_cast<int32_t>(i) != banned[r] && (n < 5 || (r + i) % 5 != 0);
          if (may && (id == n || x[r * n + i] > x[r * n + id])) id = i;
        }
        want.push_back(static_cast<int32_t>(id));
        float largest = -INFINITY;
        for (std::size_t i = 0; i < n; ++i)
          if (static_cast<int32_t>(i) != banned[r]) largest = std::max(largest, x[r * n + i]);
        totals.push_back(all / std::exp(static_cast<double>(largest) / temperature));
        uniforms.push_back((shares[id] + (id > 0 ? shares[id - 1] : 0)) / 2 / all);
      }
      const Drawn got = drawn(x, uniforms, banned, temperature);
      CHECK(got.ids == want);
      for (std::size_t r = 0; r < rows; ++r) {
        CHECK(got.log_probs[r] == x[r * n + static_cast<std::size_t>(got.ids[r])]);
        CHECK(got.totals[r] == Approx(totals[r]).epsilon(1e-6));
      }
    }
}

TEST_CASE("the ends of the uniform numbers draw the first and the last id that has a share") {
  const float none = -INFINITY;
  const std::vector<float> x{none, 0, none, 0, none};
  const double most = std::nextafter(1.0, 0.0);
  CHECK(drawn(x, {0}, {-1}, 1).ids == std::vector<int32_t>{1});
  CHECK(drawn(x, {most}, {-1}, 1).ids == std::vector<int32_t>{3});
  CHECK(drawn(x, {0}, {1}, 1).ids == std::vector<int32_t>{3});
  CHECK(drawn(x, {most}, {3}, 1).ids == std::vector<int32_t>{1});
}

TEST_CASE("a row that is not numbers gives NaN, not an answer") {
  std::vector<float> x(300, NAN);
  CHECK(std::isnan(drawn(x, {0.5}, {0}, 1).log_probs[0]));
  CHECK(std::isnan(drawn(x, {0.5}, {-1}, 1).log_probs[0]));
}

TEST_CASE("draw refuses what does not fit") {
  const float x[6] = {};
  const double u[2] = {};
  const int32_t banned[2] = {-1, -1};
  Graph graph(false);
  const Value in = graph.constant({2, 3}, x), uniforms = graph.constant({2, 1}, u),
              ids = graph.constant({2, 1}, banned);
  CHECK_NOTHROW(draw(graph, in, uniforms, ids, 1));
  CHECK_THROWS_AS(draw(graph, in, graph.constant({1, 1}, u), ids, 1), Error);
  CHECK_THROWS_AS(draw(graph, in, ids, uniforms, 1), Error);
  CHECK_THROWS_AS(draw(graph, in, uniforms, ids, 0), Error);
}
