#include <omp.h>

#include "base/error.h"
#include "metrics/bleu_references.h"
#include "tests/catch.h"
#include "tests/data.h"

using namespace storm;
using test::data_lines;

namespace {

std::vector<std::string> tokens(Tokenization tokenization, std::string_view text) {
  Tokenizer tokenizer({.tokenize = tokenization});
  const auto found = tokenizer(text);
  return {found.begin(), found.end()};
}

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("corpus BLEU is sacreBLEU's to the last digits") {
  // Recorded in tests/metrics/data/transcript: plain.ref -i plain.good -tok 13a -f text -w 10, and with two references.
  const std::vector<std::vector<std::string>> one{data_lines("plain.ref")},
      two{data_lines("plain.ref"), data_lines("plain.ref2")};
  const BleuScore good = BleuReferences(one).score(data_lines("plain.good"));
  CHECK(good.score == Approx(79.3413025634).epsilon(1e-12));
  CHECK(good.verbose() == "92.1/83.5/75.7/68.1 (BP = 1.000 ratio = 1.015 hyp_len = 725 ref_len = 714)");
  CHECK(BleuReferences(two).score(data_lines("plain.fair")).score == Approx(49.1170348430).epsilon(1e-12));
}

TEST_CASE("BLEU does not depend on the number of threads") {
  const std::vector<std::vector<std::string>> references{data_lines("noise.ref")};
  const auto hypotheses = data_lines("noise.hyp");
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  const BleuScore alone = BleuReferences(references).score(hypotheses);
  for (int n : {2, 3, 8}) {
    omp_set_num_threads(n);
    const BleuScore together = BleuReferences(references).score(hypotheses);
    CHECK(together.score == alone.score);
    CHECK(together.verbose() == alone.verbose());
  }
  omp_set_num_threads(threads);
}

TEST_CASE("matches are clipped at the most that any one reference has") {
  BleuCounter counter({});
  const std::vector<std::string_view> references{"a a b", "a c c c"};
  counter.set_references(references);
  for (int again = 0; again < 2; ++again) {  // a second hypothesis starts afresh
    const BleuCounts c = counter.count("a a a c c b");
    CHECK(c.correct == std::array<int64_t, 4>{2 + 2 + 1, 3, 1, 0});  // a a, a c, c c; a c c
    CHECK(c.total == std::array<int64_t, 4>{6, 5, 4, 3});
    CHECK(c.ref_len == 4);
  }
  counter.set_references(std::vector<std::string_view>{"x"});
  CHECK(counter.count("a a").correct == std::array<int64_t, 4>{});
}

TEST_CASE("the closest reference gives the length, the shorter of two that are as close") {
  BleuCounter counter({});
  counter.set_references(std::vector<std::string_view>{"a b c d e", "a b c", "a"});
  CHECK(counter.count("a b c d").ref_len == 3);
  CHECK(counter.count("a b").ref_len == 1);
  CHECK(counter.count("a b c d e f g").ref_len == 5);
}

TEST_CASE("lists of different lengths, and empty ones, are errors") {
  using Lists = std::vector<std::vector<std::string>>;
  const std::vector<std::string> two{"a", "b"};
  CHECK_THROWS_AS(BleuReferences(Lists{{"a"}}).score(two), Error);
  CHECK_THROWS_AS(BleuReferences(Lists{{"a"}, two}), Error);
  CHECK_THROWS_AS(BleuReferences(Lists{}), Error);
  CHECK_THROWS_AS(BleuReferences(Lists{{}}), Error);
}

TEST_CASE("references counted once give each hypothesis the counts of a counter that meets them for the first time") {
  for (const std::string set : {"plain", "noise", "edges", "scripts", "shifts"}) {
    std::vector<std::vector<std::string>> references{data_lines(set + ".ref")};
    if (set == "plain") references.push_back(data_lines("plain.ref2"));
    if (set == "shifts") references.push_back(data_lines("shifts.alt"));
    const BleuReferences kept(references);
    for (const std::string system : {".hyp", ".good", ".bad", ".ref"}) {
      if ((system == ".hyp") == (set == "plain") && system != ".ref") continue;
      const auto hypotheses = data_lines(set + system);
      BleuCounts sum;
      BleuCounter counter({});
      for (std::size_t i = 0; i < hypotheses.size(); ++i) {
        std::vector<std::string_view> segment;
        for (const auto& list : references) segment.push_back(list[i]);
        counter.set_references(segment);
        sum += counter.count(hypotheses[i]);
      }
      const BleuScore once = kept.score(hypotheses), again = kept.score(hypotheses), wanted = bleu_score(sum, {});
      CHECK(once.score == wanted.score);
      CHECK(once.verbose() == wanted.verbose());
      CHECK(again.score == once.score);
    }
  }
}

TEST_CASE("tokenisers cut runs of marks as the chained substitutions do") {
  using enum Tokenization;
  CHECK(tokens(mteval13a, "3.5 a.5 5.a a..5 3..5 3...5 a-5 5-a 1,000.") ==
        Words{"3.5", "a", ".", "5", "5", ".",  "a",   "a", ".", ".5", "3",     ".",
              ".",   "5", "3", ".", ".", ".5", "a-5", "5", "-", "a",  "1,000", "."});
  CHECK(tokens(international, "in 1999.") == Words{"in", "1999."});
  CHECK(tokens(mteval13a, "in 1999.") == Words{"in", "1999", "."});
  CHECK(tokens(mteval13a, "&amp;lt; &quot;<skipped>x") == Words{"<", "\"", "x"});
  CHECK(tokens(character, " \xC3\xA4 b") == Words{"\xC3\xA4", "b"});
  CHECK(tokens(none, " a.b\xC2\x85 c ") == Words{"a.b", "c"});
  CHECK(tokens(chinese,
               "a\xE7\x8C\xAB"
               "b") == Words{"a", "\xE7\x8C\xAB", "b"});
  CHECK(tokens(mteval13a, "").empty());
}
