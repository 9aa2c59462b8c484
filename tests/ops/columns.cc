#include "ops/columns.h"

#include "base/error.h"
#include "tests/catch.h"
#include "tests/ops/op_table.h"

using namespace storm;
using test::Doubles;
using test::OpFamily;

namespace {

// The last two thirds of the columns, as keys and values are of queries, keys and values.
const test::InOpTable kColumns(
    {.name = "columns, the last two thirds",
     .checked = {{{1, 3}}, {{7, 9}}, {{40, 33}}},
     .timed = {{{4096, 3 * 384}}, {{32, 3 * 768}}},
     .record =
         [](Graph& g, std::span<const Value> in) {
           const int64_t third = g.shape(in[0]).cols / 3;
           return columns(g, in[0], third, 2 * third);
         },
     .reference =
         [](std::span<const Doubles> in, std::span<const Shape> shapes) {
           Doubles y;
           const int64_t width = shapes[0].cols;
           for (int64_t row = 0; row < shapes[0].rows; ++row)
             for (int64_t i = width / 3; i < width; ++i) y.push_back(in[0][static_cast<std::size_t>(row * width + i)]);
           return y;
         },
     // Reads and writes two thirds; back, all of the gradient is read and written, and two thirds are added.
     .forward = [](std::span<const Shape> s) -> OpFamily::Work {
       return {.bytes = 4 * 4.0 / 3 * static_cast<double>(s[0].size())};
     },
     .backward = [](std::span<const Shape> s) -> OpFamily::Work {
       return {.flops = 2.0 / 3 * static_cast<double>(s[0].size()), .bytes = 4 * 2 * static_cast<double>(s[0].size())};
     }});

}  // namespace

TEST_CASE("the first column, and one in the middle") {
  for (const auto& [first, count] : {std::pair<int64_t, int64_t>{0, 1}, {2, 3}, {0, 6}})
    test::check_op(
        {.inputs = {{4, 6}},
         .record = [&, f = first, n = count](Graph& g, std::span<const Value> v) { return columns(g, v[0], f, n); },
         .reference =
             [&, f = first, n = count](std::span<const Doubles> in) {
               Doubles y;
               for (int64_t row = 0; row < 4; ++row)
                 for (int64_t i = 0; i < n; ++i) y.push_back(in[0][static_cast<std::size_t>(row * 6 + f + i)]);
               return y;
             }});
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
