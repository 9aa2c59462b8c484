#include "data/switched_rows.h"

#include <array>
#include <cmath>

#include "base/error.h"
#include "tests/catch.h"
#include "tests/data/streams.h"

using namespace storm;
using test::copied_row;

namespace {

constexpr int32_t kFirst = 4, kVocabulary = 30;  // ids below kFirst are special

// Rows of two columns: ten ids of which two are special, and a label.
class Tens : public RowSource {
 public:
  int64_t rows(int64_t) const override { return 5000; }
  void lengths(int64_t, int64_t, std::span<int64_t> to) const override { to[0] = 10, to[1] = 1; }
  void append(int64_t, int64_t row, Rows& to) const override {
    to.columns = 2;
    for (int32_t i = 0; i < 10; ++i)
      to.ids.push_back(i % 5 == 3 ? i % kFirst : kFirst + static_cast<int32_t>(row + i) % 26);
    to.end_column();
    to.add(std::array{static_cast<int32_t>(row % 3)});
  }
  std::span<const int64_t> longest() const override { return longest_; }
  std::vector<int64_t> all_ids(int64_t) const override { return {50000, 5000}; }
  int64_t streams() const override { return 7; }

 private:
  std::vector<int64_t> longest_{10, 1};
};

std::vector<bool> ordinary() {
  std::vector<bool> of(kVocabulary, true);
  std::fill_n(of.begin(), kFirst, false);
  return of;
}

}  // namespace

TEST_CASE("SwitchOut makes so many words others as its formula says, each like any other") {
  const Tens plain;
  for (const double tau : {0.5, 2.0}) {
    const SwitchedRows rows(plain, {ordinary()}, tau, 1), again(plain, {ordinary()}, tau, 1);
    std::vector<double> counts(9), places(10), ids(kVocabulary);
    double switched = 0;
    int64_t same_in_next_epoch = 0;
    for (int64_t row = 0; row < plain.rows(0); ++row) {
      const Rows before = copied_row(plain, 0, row), after = copied_row(rows, 0, row);
      REQUIRE(before.offsets == after.offsets);
      CHECK(before(0, 1)[0] == after(0, 1)[0]);
      std::size_t k = 0;
      for (std::size_t i = 0; i < 10; ++i) {
        if (before(0, 0)[i] == after(0, 0)[i]) continue;
        ++k, ++places[i], ++switched, ++ids[static_cast<std::size_t>(after(0, 0)[i])];
        CHECK(before(0, 0)[i] >= kFirst);
        CHECK(after(0, 0)[i] >= kFirst);
      }
      ++counts[k];
      same_in_next_epoch += copied_row(rows, 1, row).ids == after.ids;
      if (row % 100 == 0) CHECK(copied_row(again, 0, row).ids == after.ids);
    }
    double all = 0;
    for (int k = 0; k <= 8; ++k) all += std::exp(-k / tau);
    for (std::size_t k = 0; k <= 8; ++k) {
      const double p = std::exp(-static_cast<double>(k) / tau) / all, n = static_cast<double>(plain.rows(0));
      CHECK(std::abs(counts[k] - n * p) < 4 * std::sqrt(n * p * (1 - p)) + 1);
    }
    for (std::size_t i = 0; i < 10; ++i) {
      const double p = i % 5 == 3 ? 0 : 1.0 / 8;
      CHECK(std::abs(places[i] - switched * p) <= 4 * std::sqrt(switched * p * (1 - p)));
    }
    for (std::size_t id = kFirst; id < kVocabulary; ++id)
      CHECK(std::abs(ids[id] - switched / 26) < 5 * std::sqrt(switched / 26));
    CHECK(same_in_next_epoch < plain.rows(0));
    CHECK(rows.streams() == 7);
  }
}

TEST_CASE("SwitchOut needs another word to put in a word's place") {
  const Tens plain;
  CHECK_THROWS_AS(SwitchedRows(plain, {{false, false, false, false, true}}, 1, 1), Error);
}
