// word2vec's binary files, of both writers.
#include <cmath>
#include <limits>

#include "tests/catch.h"
#include "tests/vectors/imported.h"

using namespace storm;
using test::import_error;

namespace {

std::string bytes_of(std::vector<float> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

std::string row(const std::string& word, std::vector<float> values, const char* end = "\n") {
  return word + ' ' + bytes_of(std::move(values)) + end;
}

}  // namespace

TEST_CASE("binary vectors are read with and without newlines behind rows, whatever bytes they have") {
  const test::ScratchFolder folder;
  // A float whose first byte is a newline, and one whose first is a space.
  const float newline = std::bit_cast<float>(0x3f80000au), space = std::bit_cast<float>(0x3f802020u);
  for (const char* end : {"\n", ""}) {
    const auto bytes = "3 2\n" + row("the", {newline, 2}, end) + row("日本", {-1, space}, end) + row("c", {0, 0}, end);
    const WordVectors vectors(test::imported(folder, test::written(folder, bytes)));
    CHECK(test::words_of(vectors) == std::vector<std::string>{"the", "日本", "c"});
    CHECK(vectors.all() == std::vector<float>{newline, 2, -1, space, 0, 0});
  }
}

TEST_CASE("a binary file that is cut short, longer or otherwise not what it says is named by the byte") {
  const auto whole = "2 2\n" + row("a", {1, 2}) + row("b", {3, 4});
  CHECK(import_error(whole.substr(0, whole.size() - 2)) ==
        "byte 15: the file ends inside of row 2 of 2; is it cut short?");
  CHECK(import_error(whole.substr(0, 16)) == "byte 15: the file ends inside of row 2 of 2; is it cut short?");
  CHECK(import_error(whole.substr(0, 15)) == "byte 15: the file ends after 1 rows, and its first line says 2");
  CHECK(import_error(whole + "c") == "byte 26: bytes behind the 2 rows that the first line says");
  CHECK(import_error("1000000000000000000 2\n" + row("a", {1, 2})) ==
        "byte 33: the file ends after 1 rows, and its first line says 1000000000000000000");
  CHECK(import_error("1 1000000000000000000\n" + row("a", {1, 2})).starts_with("vectors of 1000000000000000000 "));
  CHECK(import_error("2 3\n" + row("a", {1, 2}) + row("b", {3, 4})).starts_with("byte "));
  CHECK(import_error("2 1\n" + row("a", {1, 2}) + row("b", {3, 4})).starts_with("byte "));
  CHECK(import_error("1 2\n" + row("", {1, 2})) == "byte 4: a vector without a word");
  CHECK(import_error("1 2\n" + row("\xe6\x97", {1, 2})).starts_with("byte 4: the word '\ufffd\ufffd' is not UTF-8"));
  CHECK(import_error("1 2\n" + row("a", {1, NAN})) == "byte 4: the vector of 'a' holds NaN or an infinity");
  CHECK(import_error("1 2\n" + row("a", {1, std::numeric_limits<float>::infinity()})) ==
        "byte 4: the vector of 'a' holds NaN or an infinity");
}

TEST_CASE("a word that comes twice in a binary file keeps its first vector") {
  const test::ScratchFolder folder;
  const auto bytes = "3 2\n" + row("a", {1, 2}) + row("a", {3, 4}) + row("b", {5, 6});
  CHECK(WordVectors(test::imported(folder, test::written(folder, bytes))).all() == std::vector<float>{1, 2, 5, 6});
}
