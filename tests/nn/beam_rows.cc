#include "nn/beam_rows.h"

#include "base/error.h"
#include "tests/catch.h"

using namespace storm;

TEST_CASE("rows keep their sentence while beams widen, are reordered and end") {
  BeamRows rows(3);
  CHECK(rows.step() == -1);
  rows.follow(std::vector<int32_t>{0, 1, 1, 2});  // the second sentence has two rows
  CHECK(rows.step() == 0);
  CHECK(rows.rows() == 4);
  CHECK(rows.rows_before() == 3);
  CHECK(rows.offsets() == std::vector<int32_t>{0, 1, 3, 4});
  rows.follow(std::vector<int32_t>{2, 1, 3, 3});  // the first has ended, the last has grown
  CHECK(rows.step() == 1);
  CHECK(rows.rows_before() == 4);
  CHECK(std::ranges::equal(rows.sentence(), std::vector<int32_t>{1, 1, 2, 2}));
  CHECK(rows.offsets() == std::vector<int32_t>{0, 0, 2, 4});
}

TEST_CASE("a parent that there is not, and rows out of their sentences' order, are refused") {
  BeamRows rows(2);
  CHECK_THROWS_AS(BeamRows(2).follow(std::vector<int32_t>{0, 2}), Error);
  CHECK_THROWS_AS(BeamRows(2).follow(std::vector<int32_t>{-1}), Error);
  CHECK_THROWS_AS(BeamRows(2).follow(std::vector<int32_t>{1, 0}), Error);
  rows.follow(std::vector<int32_t>{0, 1});
  CHECK_THROWS_AS(rows.follow(std::vector<int32_t>{0, 2}), Error);
}
