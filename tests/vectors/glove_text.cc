// GloVe's text, which has no header.
#include "tests/catch.h"
#include "tests/vectors/imported.h"

using namespace storm;
using test::import_error;

TEST_CASE("GloVe's first line says the width, and words may hold spaces behind it") {
  const test::ScratchFolder folder;
  const auto text = ", 0.1 -0.2 3\nat name@domain.com 1 2 3\n. . 4 5 6\na\u00a01 7 8 9\n1 2 3 4\n";
  const WordVectors vectors(test::imported(folder, test::written(folder, text)));
  CHECK(test::words_of(vectors) == std::vector<std::string>{",", "at name@domain.com", ". .", "a\u00a01", "1"});
  CHECK(test::row_of(vectors, ". .") == std::vector<float>{4, 5, 6});
}

TEST_CASE("rows of another width than the first are refused by their line") {
  CHECK(import_error("a 1 2\nb 1 2 3\n").starts_with("line 2: a row of more than 2 numbers"));
  CHECK(import_error("a 1 2\nb 1\n") == "line 2: a row of 1 numbers, not of 2");
  CHECK(import_error("a 1 2\nb 1 nan\n") == "line 2: the vector of 'b' holds NaN or an infinity");
  CHECK(import_error("at name 1 2\nb 1 2\n") == "line 1: a row of 2 numbers, not of 3");
  for (const char* text : {"\n", "word\n", "some text\n", "\x89PNG\r\n", "{\"a\": 1}\n", "a\t1\t2\n"})
    CHECK(import_error(text).starts_with("not a file of vectors: neither"));
}
