// word2vec's text and fastText's .vec: what is read, and what each lie is called.
#include <bit>

#include "base/parse_float.h"
#include "tests/catch.h"
#include "tests/vectors/imported.h"
#include "vectors/vector_lines.h"
#include "vectors/word2vec.h"

using namespace storm;
using test::import_error;

TEST_CASE("word2vec's text is read with trailing spaces, CRLF, words with odd characters and no last newline") {
  const test::ScratchFolder folder;
  for (const auto& text :
       {"3 2\nthe 1 -2.5\na\u00a0b 1e-3 4\n\\x41 0 7\n", "3 2\nthe 1 -2.5 \na\u00a0b 1e-3 4 \n\\x41 0 7 ",
        "3 2 \r\nthe 1 -2.5\r\na\u00a0b 1e-3 4\r\n\\x41 0 7\r\n"}) {
    const WordVectors vectors(test::imported(folder, test::written(folder, text)));
    CHECK(test::words_of(vectors) == std::vector<std::string>{"the", "a\u00a0b", "\\x41"});
    CHECK(vectors.all() == std::vector<float>{1, -2.5f, 1e-3f, 4, 0, 7});
    CHECK(vectors.file().metadata.at("embeddings.layer") == "static");
    CHECK(vectors.file().metadata.at("embeddings.level") == "word");
  }
}

TEST_CASE("gensim's text and binary files have the words and the bits that gensim says") {
  for (const char* name : {"words.txt", "words.bin"}) {
    const test::ScratchFolder folder;
    const WordVectors vectors(test::imported(folder, test::data_path(name, "vectors")));
    const auto want = test::recorded("words.tsv");
    REQUIRE(vectors.size() == static_cast<int64_t>(want.size()));
    for (std::size_t i = 0; i < want.size(); ++i) {
      INFO(name << ", " << want[i].word);
      CHECK(vectors.word(static_cast<int64_t>(i)) == want[i].word);
      const auto got = test::row_of(vectors, want[i].word);
      for (std::size_t k = 0; k < got.size(); ++k)
        CHECK(std::bit_cast<uint32_t>(got[k]) == std::bit_cast<uint32_t>(want[i].values[k]));
    }
  }
}

TEST_CASE("fastText's .vec is its model's vectors to the digits that it has, with </s> first") {
  const test::ScratchFolder folder;
  const WordVectors vectors(test::imported(folder, test::data_path("fasttext.vec", "vectors")));
  CHECK(vectors.word(0) == "</s>");
  CHECK(vectors.subwords().buckets == 0);
  const auto want = test::recorded("fasttext.tsv");
  for (int64_t i = 0; i < vectors.size(); ++i) {
    const auto& row = want[static_cast<std::size_t>(i)];
    CHECK(vectors.word(i) == row.word);
    const auto got = test::row_of(vectors, row.word);
    for (std::size_t k = 0; k < got.size(); ++k) CHECK(std::abs(got[k] - row.values[k]) <= 5e-5f * std::abs(got[k]));
  }
}

TEST_CASE("a word that comes twice keeps its first vector, and the second is left out") {
  const test::ScratchFolder folder;
  const WordVectors vectors(test::imported(folder, test::written(folder, "4 1\na 1\nb 2\na 3\nc 4\n")));
  CHECK(test::words_of(vectors) == std::vector<std::string>{"a", "b", "c"});
  CHECK(vectors.all() == std::vector<float>{1, 2, 4});
}

TEST_CASE("a header that lies, a row of another length and a field that is no number are named by their lines") {
  CHECK(import_error("3 2\na 1 2\nb 3 4\n") == "line 4: the file ends after 2 rows, and its first line says 3");
  CHECK(import_error("1 2\na 1 2\nb 3 4\n") == "line 3: a row more than the 1 that the first line says");
  CHECK(import_error("2 3\na 1 2\nb 3 4\n") == "line 2: a row of 2 numbers, not of 3");
  CHECK(import_error("2 1\na 1 2\nb 3 4\n") ==
        "line 2: a row of more than 1 numbers: 'a 1' before them ends in one, too");
  CHECK(import_error("2 2\na 1 2\nb 3 4 5\n").starts_with("line 3: a row of more than 2 numbers"));
  CHECK(import_error("2 2\na 1 2\nb 3\n") == "line 3: a row of 1 numbers, not of 2");
  CHECK(import_error("2 2\na 1 2\n\n") == "line 3: a row of 0 numbers, not of 2");
  CHECK(import_error("2 2\na 1 2\nb 3 x4\n") == "line 3: 'x4' is no number that fits a float");
  CHECK(import_error("2 2\na 1 2\nb 3\t4\n") == "line 3: a row of 0 numbers, not of 2");
  CHECK(import_error("2 2\na 1 2\nb 3  \n") == "line 3: '' is no number that fits a float");
  CHECK(import_error("2 2\na 1 2\nb 1e39 4\n") == "line 3: a row of 1 numbers, not of 2");
  CHECK(import_error("2 2\na 1 2\nb 4 1e39\n") == "line 3: '1e39' is no number that fits a float");
  CHECK(import_error("2 2\na 1 2\nb nan 4\n") == "line 3: the vector of 'b' holds NaN or an infinity");
  CHECK(import_error("2 2\na 1 2\nb 3 -inf\n") == "line 3: the vector of 'b' holds NaN or an infinity");
  CHECK(import_error("2 2\na 1 2\n 3 4\n") == "line 3: a vector without a word");
  CHECK(import_error("2 2\na 1 2\nb\xff 3 4\n").starts_with("line 3: the word 'b\ufffd' is not UTF-8"));
  CHECK(import_error("2 2\n") == "line 2: the file ends after its header");
  CHECK(import_error("0 2\n") == "line 2: the file ends after its header");
  CHECK(import_error("0 2\na 1 2\n") == "line 2: a row more than the 0 that the first line says");
  CHECK(import_error("2 0\na\nb\n").starts_with("vectors of 0 numbers; between 1 and"));
  CHECK(import_error("") == "empty, not a file of vectors");
}

TEST_CASE("an absurd header takes no memory, and is a lie like others") {
  CHECK(import_error("1000000000000000000 2\na 1 2\n") ==
        "line 3: the file ends after 1 rows, and its first line says 1000000000000000000");
  CHECK(import_error("99999999999999999999999 2\na 1 2\n").starts_with("line 3: the file ends after 1 rows"));
  CHECK(import_error("1 1000000000000000000\na 1 2\n").starts_with("vectors of 1000000000000000000 numbers;"));
}

TEST_CASE("a number is the nearest float, however small, and text around it makes it none") {
  CHECK(parse_float("0.1") == 0.1f);
  CHECK(parse_float("-0." + std::string(44, '0') + "14") == -1e-45f);
  CHECK(parse_float("1e-60") == 0.0f);
  CHECK(parse_float("3.4028235e38") == 3.4028235e38f);
  for (const char* text : {"", " 1", "1 ", "+", "1.2.3", "0x10", "1e39", "1,5"}) CHECK(!parse_float(text));
}

TEST_CASE("what is written is read again to the bit, in each format") {
  const test::ScratchFolder folder;
  const std::vector<float> values{0.1f, -3e-42f, 1e30f, 7, 1.0f / 3, -0.0f};
  const std::vector<std::string> words{"▁cat", "a\u00a0b", "\\x41"};
  for (const auto format : {Word2vecFormat::text, Word2vecFormat::binary, Word2vecFormat::fasttext}) {
    {
      Output output(folder / "file");
      write_word2vec(
          3, 2, [&](int64_t i) { return words[static_cast<std::size_t>(i)]; },
          [&](int64_t i, std::span<float> to) { std::copy_n(values.begin() + 2 * i, 2, to.begin()); }, format, output);
      output.commit();
    }
    const WordVectors vectors(test::imported(folder, folder / "file"));
    CHECK(test::words_of(vectors) == std::vector<std::string>{"▁cat", "a\u00a0b", "\\\\x41"});
    const auto all = vectors.all();
    for (std::size_t i = 0; i < values.size(); ++i)
      CHECK(std::bit_cast<uint32_t>(all[i]) == std::bit_cast<uint32_t>(values[i]));
  }
  CHECK(read_file(folder / "file").starts_with("3 2\n▁cat 0.1 -3e-42 \n"));
}
