// Ops that take a table whose first rows are frozen give the others the gradients that they have where all are trained.
#include "ops/cross_entropy.h"
#include "ops/embed.h"
#include "ops/glu.h"
#include "tests/catch.h"
#include "tests/errors.h"
#include "tests/ops/check.h"
#include "tests/ops/once.h"

using namespace storm;

namespace {

constexpr int64_t kRows = 9, kWidth = 12, kFrozen = 5;

// The gradients of a table and, of the output layer, of its bias.
std::vector<float> gradients(int64_t frozen, bool output) {
  const auto table = test::random_floats(kRows * kWidth, 1), bias = test::random_floats(kRows, 2),
             x = test::random_floats(6 * kWidth, 3);
  std::vector<float> d_table(static_cast<std::size_t>((kRows - frozen) * kWidth), 0.5f),
      d_bias(static_cast<std::size_t>(kRows - frozen), 0.25f);
  Graph graph(true);
  const Value weight = graph.parameter({kRows, kWidth}, table.data(), d_table.data(), frozen);
  const Value ids = graph.column({8, 0, 5, 5, 4, 7});
  if (output)
    cross_entropy(graph, graph.constant({6, kWidth}, x.data()), weight,
                  graph.parameter({1, kRows}, bias.data(), d_bias.data(), frozen), ids, 0.1f, 1);
  else
    test::weighted_sum(graph, embed(graph, weight, ids, {}, {}, 2), x.data());
  test::Once once(graph);
  once.forward();
  once.backward();
  d_table.insert(d_table.end(), d_bias.begin(), d_bias.end());
  return d_table;
}

}  // namespace

TEST_CASE("embeddings and an output layer whose first rows are frozen give the others their gradients") {
  for (const bool output : {false, true}) {
    const auto all = gradients(0, output), some = gradients(kFrozen, output);
    constexpr auto numbers = static_cast<std::size_t>((kRows - kFrozen) * kWidth),
                   first = std::size_t{kFrozen * kWidth};
    REQUIRE(some.size() == numbers + std::size_t{kRows - kFrozen});
    for (std::size_t i = 0; i < numbers; ++i) CHECK(some[i] == Approx(all[first + i]).margin(1e-6));
    for (std::size_t i = 0; i < std::size_t{kRows - kFrozen}; ++i)
      CHECK(some[numbers + i] == Approx(all[kRows * kWidth + kFrozen + i]).margin(1e-6));
  }
}

TEST_CASE("an op that does not know of frozen rows refuses a parameter that has some") {
  const std::vector<float> values(16, 1);
  std::vector<float> gradient(8);
  Graph graph(true);
  const Value x = graph.parameter({4, 4}, values.data(), gradient.data(), 2);
  CHECK(test::refused(
      [&] {
        glu(graph, x, graph.constant({1, 4}, values.data()));
      },
      {"cannot train some rows of a parameter alone"}));
}
