// Tables of embeddings that begin with vectors: which rows, and which are left as they are.
#include "vectors/initial_rows.h"

#include "tests/catch.h"
#include "tests/vectors/imported.h"

using namespace storm;

namespace {

Vocabulary list_of(const std::string& words) {
  return Vocabulary::from_bytes("storm.words 1\n<pad>\n<unk>\n<s>\n</s>\n" + words);
}

Vocabulary wordpiece_of(const test::ScratchFolder& folder, const std::string& pieces) {
  std::ofstream(folder / "vocab.txt") << "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n" << pieces;
  return Vocabulary::load(folder / "vocab.txt", "", true);
}

std::vector<float> begun(const WordVectors& vectors, const Vocabulary& vocabulary, InitialRows& found) {
  std::vector<float> table(static_cast<std::size_t>(vocabulary.size() * vectors.width()), 0.5f);
  found = begin_rows(vectors, vocabulary, table);
  return table;
}

}  // namespace

TEST_CASE("entries that the vectors have begin with them, others are left") {
  const test::ScratchFolder folder;
  const WordVectors vectors(test::imported(folder, test::written(folder, "</s> 1 2\ndog 3 4\nthe 5 6\n")));
  InitialRows found;
  const auto table = begun(vectors, list_of("the\ncat\ndog\n"), found);
  CHECK(table == std::vector<float>{.5f, .5f, .5f, .5f, .5f, .5f, 1, 2, 5, 6, .5f, .5f, 3, 4});
  CHECK(found.rows == 3);
  CHECK(found.composed == 0);
  CHECK(!found.as_words);
}

TEST_CASE("entries of text that are no rows begin with their n-grams, and special ones never") {
  const test::ScratchFolder folder;
  const WordVectors vectors(test::imported(folder, test::data_path("fasttext.bin", "vectors")));
  const auto vocabulary = list_of("the\ncats\n日本\n");
  InitialRows found;
  const auto table = begun(vectors, vocabulary, found);
  CHECK(found.rows == 2);  // </s> is one of them
  CHECK(found.composed == 2);
  for (const auto id : {3, 4, 5, 6}) {
    const auto row = std::vector(table.begin() + 4 * id, table.begin() + 4 * id + 4);
    CHECK(row == test::row_of(vectors, vocabulary.piece(id)));
  }
  CHECK(std::vector(table.begin(), table.begin() + 12) == std::vector<float>(12, 0.5f));
}

TEST_CASE("pieces are found by their names among pieces, and as words, where they begin one, among words") {
  const test::ScratchFolder folder;
  const auto vocabulary = wordpiece_of(folder, "cat\n##s\n");
  InitialRows found;
  {
    const WordVectors pieces(test::imported(folder, test::written(folder, "cat 1\n##s 2\ns 3\n")));
    const auto table = begun(pieces, vocabulary, found);
    CHECK(std::vector(table.end() - 2, table.end()) == std::vector<float>{1, 2});
  }
  {
    const WordVectors words(test::imported(folder, test::written(folder, "cat 1\ns 3\n")));
    const auto table = begun(words, vocabulary, found);
    CHECK(std::vector(table.end() - 2, table.end()) == std::vector<float>{1, 0.5f});
    CHECK(found.rows == 1);
  }
}

TEST_CASE("a table of another size is refused") {
  const test::ScratchFolder folder;
  const WordVectors vectors(test::imported(folder, test::written(folder, "a 1 2\n")));
  std::vector<float> table(9);
  CHECK_THROWS_AS(begin_rows(vectors, list_of("a\n"), table), Error);
}
