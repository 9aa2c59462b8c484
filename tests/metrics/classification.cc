// Labels' figures against scikit-learn's.
#include "metrics/classification.h"

#include "tests/catch.h"
#include "tests/errors.h"

using namespace storm;

namespace {

using Labels = std::vector<int32_t>;

TEST_CASE("labels' figures are scikit-learn's, and a label that nobody has does not count") {
  // sklearn.metrics of these rows; label 3 is only predicted, 4 only gold, 5 nowhere.
  const Labels gold{0, 1, 2, 0, 1, 2, 4, 0}, predicted{0, 2, 2, 0, 0, 2, 1, 3};
  const auto counts = label_counts(gold, predicted, 6);
  CHECK(accuracy(counts) == Approx(0.5).margin(1e-15));
  CHECK(macro_average(counts).f1 == Approx(0.29333333333333333).margin(1e-15));
  CHECK(macro_average(counts).precision == Approx(0.26666666666666666).margin(1e-15));
  CHECK(weighted_average(counts).f1 == Approx(0.45).margin(1e-15));
  CHECK(micro_average(counts).f1 == Approx(0.5).margin(1e-15));
  CHECK(matthews(counts) == Approx(0.3334156683557903).margin(1e-15));
  auto table = confusions(gold, predicted);
  CHECK(table.at({0, 0}) == 2);
  CHECK(table.at({0, 3}) == 1);
  CHECK(table.at({4, 1}) == 1);
}

TEST_CASE("what is undefined is 0") {
  const auto one = label_counts(Labels{1, 1}, Labels{1, 1}, 2);
  CHECK(matthews(one) == 0);
  CHECK(macro_average(one).f1 == 1);
  const auto none = label_counts({}, {}, 2);
  CHECK(accuracy(none) == 0);
  CHECK(weighted_average(none).f1 == 0);
}

TEST_CASE("rows that do not fit are refused") {
  CHECK(test::error_of([] { label_counts(Labels{0}, Labels{0, 1}, 2); }) == "1 gold labels, but 2 predicted ones");
  CHECK(test::error_of([] { label_counts(Labels{0}, Labels{2}, 2); }) == "label 2 of row 1 is none of 2");
}

}  // namespace
