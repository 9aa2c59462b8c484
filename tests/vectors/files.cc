// Files of pairs of words, and how word2vec's files spell a word.
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "base/error.h"
#include "tests/catch.h"
#include "tests/errors.h"
#include "vectors/word2vec.h"
#include "vectors/word_pairs.h"

using namespace storm;

namespace {

std::string file_with(const std::string& text) {
  const auto path = std::filesystem::temp_directory_path() / ("storm-pairs-" + std::to_string(::getpid()));
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

std::string error_of(const std::string& text) {
  return test::error_of([&] { read_word_pairs(file_with(text)); });
}

}  // namespace

TEST_CASE("pairs of words are read with CRLF, comments, further fields and a header") {
  const auto pairs = read_word_pairs(
      file_with("# people\nword 1\tword 2\tmean\r\n\ntiger\r\tcat\r\t7.35\r\nMaradona\tfoot ball\t8\r\tx\n"));
  REQUIRE(pairs.size() == 2);
  CHECK(pairs[0].first == "tiger");
  CHECK(pairs[0].second == "cat");
  CHECK(pairs[0].score == 7.35);
  CHECK(pairs[1].second == "foot ball");
  CHECK(pairs[1].line == 5);
  CHECK(error_of("a\tb\t1\nc\td\thigh\n").ends_with("line 2: the score 'high' is not a number"));
  CHECK(error_of("a\tb\t1\nc\td\tnan\n").ends_with("line 2: the score 'nan' is not a number"));
  CHECK(error_of("a\tb\t1\nc d 3\n").ends_with("line 2: not word TAB word TAB score"));
  CHECK(error_of("a b 1\n").ends_with("line 1: not word TAB word TAB score"));
  CHECK(error_of("a\tb\t1\n\tb\t1\n").ends_with("line 2: not word TAB word TAB score"));
  CHECK(error_of("a\tb\t1\na\t\xff\t1\n").ends_with("line 2: not valid UTF-8"));
  CHECK(error_of("one\ttwo\tscore\n").find("holds no pair") != std::string::npos);
  std::filesystem::remove(file_with(""));
}

TEST_CASE("word2vec's words hold no white space, and no two become one but for a space and its sign") {
  CHECK(word2vec_word("▁cat") == "▁cat");
  CHECK(word2vec_word("a b") == "a▁b");
  CHECK(word2vec_word("\n") == "\\x0A");
  CHECK(word2vec_word("") == "\\x");
  CHECK(word2vec_word("\\n") == "\\n");
  std::set<std::string> different;
  const std::vector<std::string> words{"", "\\x", "\n", "\\x0A", "\\\\x0A", "<0x0A>", "\t", "\r", "\x7f", "\\", "x"};
  for (const auto& word : words) different.insert(word2vec_word(word));
  CHECK(different.size() == words.size());
}
