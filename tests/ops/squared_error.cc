#include "ops/squared_error.h"

#include <cmath>
#include <limits>

#include "base/error.h"
#include "tests/catch.h"
#include "tests/ops/check_loss.h"

using namespace storm;
using test::Doubles;

namespace {

test::LossCase squares(int64_t rows) {
  return {.input = {rows, 1},
          .record =
              [rows](Graph& g, Value x, float scale) {
                return squared_error(
                    g, x, g.constant({rows, 1}, test::random_floats(static_cast<std::size_t>(rows), 2)), scale);
              },
          .reference =
              [rows](const Doubles& x) {
                const auto targets = test::random_floats(static_cast<std::size_t>(rows), 2);
                double sum = 0;
                for (std::size_t i = 0; i < x.size(); ++i) sum += std::pow(x[i] - static_cast<double>(targets[i]), 2);
                return sum;
              },
          .scale = 3};
}

}  // namespace

TEST_CASE("squared_error equals its double-precision reference, sums and gradient") {
  for (const int64_t rows : {1, 7, 300}) test::check_loss(squares(rows));
  CHECK(test::loss_of(squares(0), {}) == 0);
  CHECK(std::isnan(test::loss_of(squares(2), {0, std::numeric_limits<float>::quiet_NaN()})));
}

TEST_CASE("squared_error takes a number and a target a row") {
  Graph g(false);
  const auto numbers = [&](int64_t rows, int64_t cols) {
    return g.constant({rows, cols}, std::vector<float>(static_cast<std::size_t>(rows * cols)));
  };
  CHECK_NOTHROW(squared_error(g, numbers(3, 1), numbers(3, 1), 1));
  CHECK_THROWS_AS(squared_error(g, numbers(3, 1), numbers(2, 1), 1), Error);
  CHECK_THROWS_AS(squared_error(g, numbers(3, 2), numbers(3, 2), 1), Error);
  CHECK_THROWS_AS(squared_error(g, numbers(3, 1), g.column({1, 2, 3}), 1), Error);
}
