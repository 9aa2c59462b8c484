#include "ops/columns.h"

#include "base/error.h"
#include "tests/catch.h"
#include "tests/ops/check.h"

using namespace storm;
using test::Doubles;

TEST_CASE("columns are what stood there, forward and gradients") {
  struct Cut {
    int64_t rows, width, first, count;
  };
  for (const auto [rows, width, first, count] : {Cut{1, 1, 0, 1}, {5, 9, 0, 9}, {7, 9, 3, 2}, {40, 33, 32, 1}}) {
    CAPTURE(rows, width, first, count);
    test::check_op(
        {.inputs = {{rows, width}},
         .record = [&, f = first, n = count](Graph& g, std::span<const Value> v) { return columns(g, v[0], f, n); },
         .reference =
             [&, r = rows, w = width, f = first, n = count](std::span<const Doubles> in) {
               Doubles y;
               for (int64_t row = 0; row < r; ++row)
                 for (int64_t i = 0; i < n; ++i) y.push_back(in[0][static_cast<std::size_t>(row * w + f + i)]);
               return y;
             }});
  }
}

TEST_CASE("columns that are not there are refused") {
  const std::vector<float> x(6);
  Graph g(false);
  const Value v = g.constant({2, 3}, x.data());
  CHECK_NOTHROW(columns(g, v, 1, 2));
  CHECK_THROWS_AS(columns(g, v, 2, 2), Error);
  CHECK_THROWS_AS(columns(g, v, -1, 2), Error);
  CHECK_THROWS_AS(columns(g, v, 0, 0), Error);
}
