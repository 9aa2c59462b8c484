// fastText's .bin: recorded models of fastText and of gensim, and what is refused.
#include <cmath>
#include <cstring>

#include "tests/catch.h"
#include "tests/vectors/imported.h"

using namespace storm;

namespace {

std::string model() { return read_file(test::data_path("fasttext.bin", "vectors")); }

template <class T>
std::string with(std::string bytes, std::size_t at, T value) {
  bytes.replace(at, sizeof value, reinterpret_cast<const char*>(&value), sizeof value);
  return bytes;
}

// Where parts of the recorded model lie: settings, the dictionary's head, its first entry, the input matrix.
constexpr std::size_t kWidth = 8, kModel = 36, kBuckets = 40, kLeast = 44, kMost = 48, kHead = 64, kFirst = 92;
std::size_t matrix(const std::string& bytes) {
  int32_t words = 0;
  std::memcpy(&words, bytes.data() + kHead, sizeof words);
  std::size_t at = kFirst;
  for (int32_t i = 0; i < words; ++i) at = bytes.find('\0', at) + 1 + 9;
  return at;
}

}  // namespace

TEST_CASE("fastText's words have its vectors to the bit, and so do words that it has never seen") {
  const test::ScratchFolder folder;
  const WordVectors vectors(test::imported(folder, test::data_path("fasttext.bin", "vectors")));
  CHECK(vectors.word(0) == "</s>");
  CHECK(vectors.subwords().least == 2);
  CHECK(vectors.subwords().most == 4);
  CHECK(vectors.subwords().buckets == 60);
  int unknown = 0;
  for (const auto& [word, n_grams, values] : test::recorded("fasttext.tsv")) {
    INFO(word);
    unknown += vectors.row_of(word) < 0;
    CHECK(test::row_of(vectors, word) == values);
  }
  CHECK(unknown == 7);
}

TEST_CASE("models that gensim saves as fastText's are read, and give what gensim gives") {
  const test::ScratchFolder folder;
  const WordVectors vectors(test::imported(folder, test::data_path("facebook.bin", "vectors")));
  for (const auto& [word, n_grams, values] : test::recorded("facebook.tsv")) {
    INFO(word);
    const auto got = test::row_of(vectors, word);
    for (std::size_t k = 0; k < values.size(); ++k) CHECK(std::abs(got[k] - values[k]) < 1e-7f);
  }
}

TEST_CASE("a model without n-grams has its words' rows alone") {
  const test::ScratchFolder folder;
  const auto bytes = with(model(), kMost, int32_t{0});
  const WordVectors vectors(test::imported(folder, test::written(folder, bytes)));
  CHECK(vectors.subwords().buckets == 0);
  std::vector<float> row(4), want(4);
  std::memcpy(want.data(), bytes.data() + matrix(bytes) + 17 + 16, 16);
  vectors.read(1, row);
  CHECK(row == want);
  CHECK(!vectors.read_word("cats", row));
}

TEST_CASE("fastText's models of other kinds, versions and matrices are refused in words") {
  const auto bytes = model();
  const auto refused = [](const std::string& changed, const char* part) {
    const auto error = test::import_error(changed);
    INFO(error);
    CHECK(error.find(part) != error.npos);
    CHECK(error.starts_with("byte "));
  };
  const auto at = matrix(bytes);
  refused(with(bytes, 4, int32_t{13}), "fastText's format 13; 11 and 12 are read");
  refused(with(bytes, kModel, int32_t{3}), "a supervised model");
  refused(with(bytes, at, uint8_t{1}), "a quantised matrix");
  refused(with(bytes, kHead + 20, int64_t{5}), "pruned");
  refused(with(bytes, kHead + 8, int32_t{1}), "1 labels; words alone are read");
  refused(with(bytes, kHead, INT32_MAX), "a dictionary of 2147483647 entries");
  refused(with(bytes, kLeast, int32_t{-1}), "60 buckets of n-grams of -1 to 4 characters");
  refused(with(bytes, kBuckets, int32_t{59}), "where words and buckets are 77");
  refused(with(bytes, kBuckets, INT32_MAX), "an input matrix of 78 rows");
  refused(with(bytes, at + 1, int64_t{1} << 60), "an input matrix of 1152921504606846976 rows");
  refused(with(bytes, at + 17 + 16, NAN), "the vector of 'the' holds NaN");
  refused(with(bytes, at + 17 + 16 * 70, INFINITY), "NaN or an infinity");
  refused(with(with(bytes, kHead, INT32_MAX), kHead + 4, INT32_MAX), "an entry of the dictionary that is no word");
  CHECK(test::import_error(with(bytes, kWidth, int32_t{-4})).starts_with("vectors of -4 numbers"));
}

TEST_CASE("fastText's version 11 is read as 12, and a file that is cut anywhere is refused") {
  const auto bytes = model();
  CHECK(test::import_error(with(bytes, 4, int32_t{11})).empty());
  const auto end = matrix(bytes) + 17 + 78 * 16;
  for (std::size_t n = 4; n < end; n += n < 200 ? 1 : 37)
    CHECK(test::import_error(bytes.substr(0, n)).find("is it cut short?") != std::string::npos);
  CHECK(test::import_error(bytes.substr(0, end)).empty());
}
