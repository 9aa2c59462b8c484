#include "ops/embed.h"

#include "base/error.h"
#include "base/random.h"
#include "tests/catch.h"
#include "tests/ops/check.h"
#include "tests/ops/once.h"

using namespace storm;
using test::Doubles;

namespace {

std::vector<int32_t> random_ids(int64_t n, int64_t limit, uint64_t seed) {
  RandomStream random(seed, RandomUse::initial_weights, 5);
  std::vector<int32_t> ids(static_cast<std::size_t>(n));
  for (auto& id : ids) id = static_cast<int32_t>(random.below(static_cast<uint64_t>(limit)));
  return ids;
}

struct Case {
  int64_t tokens, vocabulary, d, positions;  // positions 0: none
};

}  // namespace

TEST_CASE("embed equals its double-precision reference, forward and gradients") {
  for (const auto [tokens, vocabulary, d, positions] : {Case{1, 2, 1, 0},
                                                        {1, 1, 3, 4},
                                                        {9, 2, 7, 5},
                                                        {23, 37, 8, 23},
                                                        {40, 11, 33, 6},
                                                        {5, 1000, 3, 0},
                                                        {3, 4, 130, 2}}) {
    const auto ids = random_ids(tokens, vocabulary, 1), at = random_ids(tokens, std::max<int64_t>(positions, 1), 2);
    std::vector<Shape> shapes{{vocabulary, d}};
    if (positions) shapes.push_back({positions, d});
    test::check_op({.inputs = shapes,
                    .record =
                        [&, n = tokens, learned = positions > 0](Graph& g, std::span<const Value> v) {
                          return embed(g, v[0], g.constant({n, 1}, ids.data()), learned ? v[1] : Value{},
                                       learned ? g.constant({n, 1}, at.data()) : Value{}, 2.5f);
                        },
                    .reference =
                        [&, n = tokens, width = d](std::span<const Doubles> in) {
                          Doubles y;
                          for (int64_t t = 0; t < n; ++t)
                            for (int64_t i = 0; i < width; ++i) {
                              const auto token = static_cast<std::size_t>(t);
                              double z = 2.5 * in[0][static_cast<std::size_t>(ids[token] * width + i)];
                              if (in.size() > 1) z += in[1][static_cast<std::size_t>(at[token] * width + i)];
                              y.push_back(z);
                            }
                          return y;
                        }});
  }
}

TEST_CASE("embed takes no tokens, and refuses an id or a position that is out of range") {
  const std::vector<float> table(12, 1.0f);
  const auto run = [&](std::vector<int32_t> ids, std::vector<int32_t> at) {
    Graph graph(false);
    const auto n = static_cast<int64_t>(ids.size());
    const Value y = embed(graph, graph.constant({4, 3}, table.data()), graph.constant({n, 1}, ids.data()),
                          graph.constant({2, 3}, table.data()), graph.constant({n, 1}, at.data()), 1);
    test::Once(graph).run.forward();
    return graph.shape(y);
  };
  CHECK(run({}, {}) == Shape{0, 3});
  CHECK(run({0, 3}, {1, 0}) == Shape{2, 3});
  CHECK_THROWS_AS(run({0, 4}, {1, 0}), Error);
  CHECK_THROWS_AS(run({-1, 3}, {1, 0}), Error);
  CHECK_THROWS_AS(run({0, 3}, {0, 2}), Error);
}
