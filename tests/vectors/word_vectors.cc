// Tables of vectors by their words, and words' n-grams in fastText's buckets.
#include "vectors/word_vectors.h"

#include "base/split.h"
#include "stream/embeddings.h"
#include "stream/tokens.h"
#include "tests/catch.h"
#include "tests/vectors/imported.h"
#include "vectors/nearest.h"

using namespace storm;
using test::refused;

namespace {

struct Table {
  std::vector<std::string> words;
  std::vector<float> vectors;
  std::string subwords = {};
  std::vector<int32_t> buckets = {};
  std::vector<float> n_grams = {};
};

// The path of a stream of width 2, of documents of `rows` words.
std::string stream_of(const test::ScratchFolder& folder, const Table& table, std::size_t rows = 2,
                      DType dtype = DType::F32) {
  Output output(folder / "table.st");
  std::map<std::string, std::string> metadata;
  if (!table.subwords.empty()) metadata[kSubwordsKey] = table.subwords;
  EmbeddingsWriter writer(output, metadata, 2, dtype);
  for (std::size_t i = 0; i < table.words.size(); ++i) {
    writer.add(std::span(table.vectors).subspan(2 * i, 2), std::span(table.words).subspan(i, 1));
    if (i % rows == rows - 1) writer.flush();
  }
  if (!table.buckets.empty()) writer.add_subwords(table.buckets, table.n_grams);
  writer.finish();
  output.commit();
  return folder / "table.st";
}

}  // namespace

TEST_CASE("n-grams lie in the buckets that fastText says") {
  const Subwords n_grams{2, 4, 60};
  std::vector<int32_t> buckets;
  for (const auto& [word, want, values] : test::recorded("fasttext.tsv")) {
    if (word == "</s>") continue;  // to fastText it has none
    INFO(word);
    subword_buckets(word, n_grams, buckets);
    std::vector<std::string> got;
    for (const auto b : buckets) got.push_back(str(b));
    CHECK(joined(got) == want);
  }
  subword_buckets("word", {3, 6, 0}, buckets);
  CHECK(buckets.empty());
  subword_buckets("", {1, 3, 10}, buckets);  // <, > alone are none; <> is one
  CHECK(buckets.size() == 1);
}

TEST_CASE("words are found over all documents, with their rows, in each dtype") {
  const test::ScratchFolder folder;
  const Table table{{"the", "日本", "", "a b", "c"}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}};
  for (const auto dtype : {DType::F32, DType::F16, DType::BF16}) {
    const WordVectors vectors(stream_of(folder, table, 2, dtype));
    CHECK(vectors.size() == 5);
    CHECK(vectors.width() == 2);
    CHECK(test::words_of(vectors) == table.words);
    for (std::size_t i = 0; i < table.words.size(); ++i)
      CHECK(vectors.row_of(table.words[i]) == static_cast<int64_t>(i));
    CHECK(vectors.row_of("The") == -1);
    CHECK(vectors.all() == table.vectors);
    CHECK(test::row_of(vectors, "a b") == std::vector<float>{7, 8});
    std::vector<float> kept{-1, -1};
    CHECK(!vectors.read_word("unknown", kept));
    CHECK(kept == std::vector<float>{-1, -1});
    const std::vector<float> query{9, 10};
    CHECK(nearest(vectors.blocks(), 2, query, 1)[0][0].row == 4);
  }
}

TEST_CASE("an unknown word is the mean of those of its n-grams that have a row") {
  const test::ScratchFolder folder;
  std::vector<int32_t> buckets;
  subword_buckets("abc", {3, 3, 1000}, buckets);  // <ab abc bc>
  REQUIRE(buckets.size() == 3);
  auto held = std::vector{buckets[0], buckets[2], 999};
  std::ranges::sort(held);
  std::vector<float> rows;
  for (const auto b : held) rows.insert(rows.end(), {static_cast<float>(b), 1});
  const WordVectors vectors(stream_of(folder, {{"x"}, {0, 0}, "3,3,1000", held, rows}));
  CHECK(test::row_of(vectors, "abc") == std::vector<float>{static_cast<float>(buckets[0] + buckets[2]) / 2, 1});
  std::vector<float> none(2);
  CHECK(!vectors.read_word("zzzz", none));
  CHECK(!vectors.read_word("", none));  // <> is shorter than three
}

TEST_CASE("streams that lie about words and n-grams are refused") {
  const test::ScratchFolder folder;
  const auto opened = [&](const Table& table) {
    const auto path = stream_of(folder, table);
    return [path] { WordVectors vectors(path); };
  };
  CHECK(refused(opened({{"a", "b", "a"}, {1, 2, 3, 4, 5, 6}}), {"row 3: 'a' stands in row 1 already"}));
  CHECK(refused(opened({{}, {}}), {"holds no vectors"}));
  for (const char* says : {"3,6", "0,3,10", "4,3,10", "3,6,0", "3,6,2147483648", "3,6,x", "3,6,10,2"})
    CHECK(refused(opened({{"a"}, {1, 2}, says, {0}, {1, 2}}), {"not LEAST,MOST,BUCKETS"}));
  CHECK(refused(opened({{"a"}, {1, 2}, "3,6,10", {3, 3}, {1, 2, 3, 4}}), {"do not ascend from 0 to 9"}));
  CHECK(refused(opened({{"a"}, {1, 2}, "3,6,10", {4, 3}, {1, 2, 3, 4}}), {"do not ascend from 0 to 9"}));
  CHECK(refused(opened({{"a"}, {1, 2}, "3,6,10", {-1}, {1, 2}}), {"do not ascend from 0 to 9"}));
  CHECK(refused(opened({{"a"}, {1, 2}, "3,6,10", {10}, {1, 2}}), {"do not ascend from 0 to 9"}));
  CHECK(refused(opened({{"a"}, {1, 2}, "3,6,10"}), {"subwords.buckets"}));  // said, and not there
}
