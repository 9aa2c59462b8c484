// Answers by SQuAD's rules: what its scripts give for the same texts.
#include "metrics/answers.h"

#include <vector>

#include "tests/catch.h"

using namespace storm;

namespace {

using Answers = std::vector<std::string>;

TEST_CASE("punctuation goes before articles, and both before white space") {
  CHECK(normalized_answer("The  Quick, (brown) fox!") == "quick brown fox");
  CHECK(normalized_answer("the-a") == "thea");
  CHECK(normalized_answer("an a THE") == "");
  CHECK(normalized_answer("Anna, theatre") == "anna theatre");
  CHECK(normalized_answer("$1,000.5") == "10005");
  CHECK(normalized_answer("«the» \xC2\xA0 x") == "« » x");  // punctuation is ASCII's, white space Unicode's
  CHECK(normalized_answer("the\xCC\x81") == "\xCC\x81");    // a combining mark is no word character
  CHECK(normalized_answer("th\xC3\xA9 a\xC3\xA9") == "th\xC3\xA9 a\xC3\xA9");
  CHECK(normalized_answer("\xCE\x9F\xCE\xA3") == "\xCE\xBF\xCF\x82");  // final sigma
}

TEST_CASE("F1 counts words, and matches exactly what normalises to the same") {
  CHECK(squad_f1("a cat on a mat", Answers{"the cat sat"}) == Approx(0.4).margin(1e-15));
  CHECK(squad_f1("b b c", Answers{"b b b"}) == Approx(2.0 / 3).margin(1e-15));
  CHECK(exact_match("Cat.", Answers{"dog", "the cat"}) == 1);
  CHECK(squad_f1("Cat.", Answers{"dog", "the cat"}) == 1);
  CHECK(exact_match("cats", Answers{"dog", "the cat"}) == 0);
}

TEST_CASE("texts of articles alone match, with an F1 of 0") {
  CHECK(exact_match("the", Answers{"a"}) == 1);
  CHECK(squad_f1("the", Answers{"a"}) == 0);
  CHECK(squad_f1("", Answers{"cat"}) == 0);
}

TEST_CASE("a question without an answer wants none") {
  for (const auto& none : {Answers{}, Answers{""}}) {
    CHECK(exact_match("", none) == 1);
    CHECK(squad_f1("", none) == 1);
    CHECK(exact_match("cat", none) == 0);
    CHECK(squad_f1("cat", none) == 0);
  }
}

}  // namespace
