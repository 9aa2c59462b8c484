#include "metrics/ter.h"

#include <algorithm>
#include <numeric>
#include <random>

#include "tests/catch.h"

using namespace storm;

namespace {

int32_t levenshtein(const std::vector<uint32_t>& a, const std::vector<uint32_t>& b) {
  std::vector<int32_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    int32_t corner = row[0]++;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const int32_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, corner + (a[i - 1] != b[j - 1])});
      corner = above;
    }
  }
  return row.back();
}

int32_t edits(std::string_view hypothesis, std::string_view reference, const TerOptions& options = {}) {
  TerCounter counter(options);
  counter.set_references(std::span(&reference, 1));
  int32_t row[2];
  counter.count(hypothesis, row);
  return row[0];
}

}  // namespace

TEST_CASE("within the beam the edit distance is the plain one, from the start and from any position on") {
  std::mt19937 random(7);
  const auto sequence = [&](std::size_t length) {
    std::vector<uint32_t> words(length);
    for (auto& w : words) w = random() % 4;
    return words;
  };
  BeamEditDistance distance;
  for (int round = 0; round < 300; ++round) {
    const auto hyp = sequence(random() % 20), ref = sequence(1 + random() % 20);
    CHECK(distance.set(hyp, ref) == levenshtein(hyp, ref));
    int32_t errors = 0;
    for (const auto operation : distance.path()) errors += operation != BeamEditDistance::keep;
    CHECK(errors == levenshtein(hyp, ref));
    for (std::size_t same = 0; same <= hyp.size(); ++same) {
      auto other = hyp;
      for (std::size_t i = same; i < other.size(); ++i) other[i] = random() % 4;
      CHECK(distance.distance(other, same) == levenshtein(other, ref));
    }
  }
}

TEST_CASE("a shift of a phrase is one edit") {
  CHECK(edits("a b c d e f", "a b c d e f") == 0);
  CHECK(edits("d e f a b c", "a b c d e f") == 1);
  CHECK(edits("b a", "a b") == 1);
  CHECK(edits("x b c a", "a b c") == 2);
  CHECK(edits("", "a b") == 2);
  CHECK(edits("a b", "") == 2);
  CHECK(edits("", "") == 0);
}

TEST_CASE("case, punctuation and normalisation count as asked for") {
  CHECK(edits("A b.", "a b.") == 0);
  CHECK(edits("A b.", "a b.", {.case_sensitive = true}) == 1);
  CHECK(edits("a b", "a, b.") == 2);
  CHECK(edits("a b", "a, b.", {.no_punct = true}) == 0);
  CHECK(edits("a , b .", "a, b.", {.normalized = true}) == 0);
  CHECK(edits("dog 's tail", "dog's tail", {.normalized = true}) == 0);
}
