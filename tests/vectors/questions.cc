// Sums of words, words whatever their case, and files of questions.
#include <omp.h>

#include <cmath>
#include <fstream>

#include "base/random.h"
#include "tests/catch.h"
#include "tests/errors.h"
#include "tests/scratch_folder.h"
#include "tests/vectors/memory_words.h"
#include "vectors/analogies.h"
#include "vectors/caseless_rows.h"
#include "vectors/expression.h"
#include "vectors/nearest_to_sums.h"
#include "vectors/odd_one_out.h"

using namespace storm;
using test::refused;

namespace {

std::vector<float> random_vectors(int64_t n, uint64_t seed) {
  RandomStream random(seed, RandomUse::sampling);
  std::vector<float> x(static_cast<std::size_t>(n));
  for (float& v : x) v = static_cast<float>(random.normal());
  return x;
}

double cosine_of(const float* a, const float* b, int64_t n) {
  double ab = 0, aa = 0, bb = 0;
  for (int64_t i = 0; i < n; ++i) {
    ab += static_cast<double>(a[i]) * b[i];
    aa += static_cast<double>(a[i]) * a[i];
    bb += static_cast<double>(b[i]) * b[i];
  }
  return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : 0;
}

// The plainest search: every row's score from cosines alone.
std::vector<Neighbour> brute_force(std::span<const float> rows, std::span<const float> vectors, int64_t width,
                                   std::span<const SumTerm> terms, SumScore score, int64_t k) {
  const auto vector = [&](const SumTerm& t) { return vectors.data() + t.vector * width; };
  double squares = 0;  // of the sum, from the terms' cosines with one another
  for (const auto& s : terms)
    for (const auto& t : terms) squares += s.weight * t.weight * cosine_of(vector(s), vector(t), width);
  std::vector<Neighbour> all;
  for (int64_t r = 0; r < static_cast<int64_t>(rows.size()) / width; ++r) {
    double sum = 0, above = 1, below = 1;
    for (const auto& term : terms) {
      const double c = cosine_of(vector(term), rows.data() + r * width, width);
      sum += term.weight * c;
      (term.weight > 0 ? above : below) *= (1 + c) / 2;
    }
    all.push_back({score == SumScore::cosadd ? sum / std::sqrt(squares) : above / (below + 1e-6), r});
  }
  std::ranges::stable_sort(all, better);
  all.resize(static_cast<std::size_t>(k));
  return all;
}

}  // namespace

TEST_CASE("the rows nearest to sums are brute force's, by both scores, whatever the weights and threads") {
  constexpr int64_t kWidth = 21, kRows = 1300, kVectors = 40;
  const auto rows = random_vectors(kRows * kWidth, 1);
  auto vectors = random_vectors(kVectors * kWidth, 2);
  for (int64_t i = 0; i < kWidth; ++i) vectors[static_cast<std::size_t>(i)] = -5 * rows[static_cast<std::size_t>(i)];
  RandomStream random(3, RandomUse::sampling);
  std::vector<std::vector<SumTerm>> sums{{{0, -1}, {1, 1}}};  // row 0's cosine with -its opposite: a divisor near zero
  for (int s = 0; s < 50; ++s) {
    auto& sum = sums.emplace_back();
    for (int t = 0; t <= s % 4; ++t)
      sum.push_back({static_cast<int32_t>(random.below(kVectors)), (t % 2 ? -1 : 1) * (0.5 + random.uniform())});
  }
  const VectorBlock block{DType::F32, kRows, std::as_bytes(std::span(rows)), "rows"};
  const int before = omp_get_max_threads();
  for (const int threads : {1, 3}) {
    omp_set_num_threads(threads);
    for (const auto score : {SumScore::cosadd, SumScore::cosmul}) {
      const auto found = nearest_to_sums(std::span(&block, 1), kWidth, vectors, sums, score, 9);
      int wrong = 0;
      for (std::size_t s = 0; s < sums.size(); ++s) {
        const auto wanted = brute_force(rows, vectors, kWidth, sums[s], score, 9);
        for (std::size_t i = 0; i < wanted.size(); ++i)
          wanted[i].row == found[s][i].row&& std::abs(wanted[i].score / found[s][i].score - 1) < 1e-9 ? 0 : ++wrong;
      }
      CHECK(wrong == 0);
    }
  }
  omp_set_num_threads(before);
}

TEST_CASE("a sum of zeros has no neighbours, and rows of zeros are none") {
  const std::vector<float> rows{0, 0, 1, 1}, vectors{3, 4, 6, 8};
  const VectorBlock block{DType::F32, 2, std::as_bytes(std::span(rows)), "rows"};
  const std::vector<std::vector<SumTerm>> sums{{{0, 1}, {1, -1}}, {{0, 1}}};
  const auto found = nearest_to_sums(std::span(&block, 1), 2, vectors, sums, SumScore::cosadd, 5);
  CHECK(found[0].empty());
  REQUIRE(found[1].size() == 1);
  CHECK(found[1][0].row == 1);
  CHECK(nearest_to_sums(std::span(&block, 1), 2, vectors, sums, SumScore::cosmul, 5)[1].size() == 1);
}

TEST_CASE("the first rows of blocks end within one") {
  const std::vector<float> rows(12);
  const auto bytes = std::as_bytes(std::span(rows));
  const std::vector<VectorBlock> blocks{{DType::F32, 2, bytes.first(16), "a"}, {DType::F32, 4, bytes.last(32), "b"}};
  const auto first = first_rows(blocks, 2, 3);
  CHECK(VectorRows(first, 2).size() == 3);
  CHECK(VectorRows(first_rows(blocks, 2, 100), 2).size() == 6);
}

TEST_CASE("sums of words are read with signs, weights and words that hold signs") {
  const auto sum = parse_expression(" - king  + 0.5*c++ - co-op + 2* + *x");
  REQUIRE(sum.size() == 5);
  CHECK(sum[0].weight == -1);
  CHECK(sum[0].word == "king");
  CHECK(sum[1].weight == 0.5);
  CHECK(sum[1].word == "c++");
  CHECK(sum[2].weight == -1);
  CHECK(sum[2].word == "co-op");
  CHECK(sum[3].word == "2*");
  CHECK(sum[4].word == "*x");
  CHECK(refused([] { parse_expression("king man"); }, {"'king man': column 6: + or - is wanted before 'man'"}));
  CHECK(refused([] { parse_expression("king + - man"); }, {"column 8: a word is wanted, not another sign"}));
  CHECK(refused([] { parse_expression("king +"); }, {"column 7: a word is wanted"}));
  CHECK(refused([] { parse_expression("  "); }, {"column 3: a word is wanted"}));
  CHECK(refused([] { parse_expression("king + 0*man"); }, {"column 8: '0*man' has no part in a sum"}));
  CHECK(refused([] { parse_expression("inf*king"); }, {"column 1: 'inf*king' has no part in a sum"}));
}

TEST_CASE("words that differ in case alone share the first one's row, as Python's upper and as C's toupper have it") {
  const test::MemoryWords table({"Straße", "STRASSE", "ΛΌΓΟΣ", "λόγος", "b"}, std::vector<float>(10, 1));
  const CaselessRows all(table, 5, fold_case), ascii(table, 5, fold_ascii_case), first(table, 1, fold_case);
  CHECK(all.row_of("strasse") == 0);
  CHECK(all.row_of("λόγος") == 2);
  CHECK(all.row_of("B") == 4);
  CHECK(all.row_of("c") == -1);
  CHECK(ascii.row_of("strasse") == 1);
  CHECK(ascii.row_of("λόγος") == 3);
  CHECK(first.row_of("b") == -1);
  CHECK(fold_case("\xff"
                  "A") ==
        "\xff"
        "a");  // no UTF-8
}

TEST_CASE("questions are read in sections; other lines are errors with their numbers") {
  const test::ScratchFolder folder;
  const auto sections_of = [&](const std::string& text) {
    std::ofstream(folder / "questions", std::ios::binary) << text;
    return read_analogies(folder / "questions");
  };
  const auto sections = sections_of(": one two\r\na b  c d\r\n\n:three\n: four\nA\tB C D\n");
  REQUIRE(sections.size() == 3);
  CHECK(sections[0].name == "one two");
  CHECK(sections[0].questions[0] == std::array<std::string, 4>{"a", "b", "c", "d"});
  CHECK(sections[1].questions.empty());
  CHECK(sections[2].questions.size() == 1);
  CHECK(refused([&] { sections_of(": x\na b c d\na b c\n"); }, {"questions: line 3: 3 words, not the four of a"}));
  CHECK(refused([&] { sections_of("a b c d\n"); }, {"line 1: a question before the first section"}));
  CHECK(refused([&] { sections_of(": x\na b c \xff\n"); }, {"line 2: not valid UTF-8"}));
  for (const auto* text : {"", ": x\n"}) CHECK(refused([&] { sections_of(text); }, {"questions: holds no question"}));
  const auto asked = sections_of(": x\na b c d\n");
  const test::MemoryWords none({"x", "y"}, {1, 0, 0, 1}), zero({"a", "b", "c", "d"}, {1, 0, 0, 0, 0, 1, 1, 1});
  CHECK(refused([&] { count_analogies(none, asked, 10, SumScore::cosadd); }, {"no question has four words"}));
  CHECK(refused([&] { count_analogies(zero, asked, 10, SumScore::cosadd); }, {"words: the vector of 'b' is zero"}));
}

TEST_CASE("the odd one is farthest from the mean of directions, whatever the lengths") {
  const std::vector<float> vectors{1, 0, 100, 20, 0, 3, 2, 1};
  CHECK(odd_one_out(vectors, 2).place == 2);
}
