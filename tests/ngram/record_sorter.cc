#include "ngram/record_sorter.h"

#include <map>
#include <vector>

#include "ngram/counted_grams.h"
#include "ngram/rearranged.h"
#include "tests/catch.h"

namespace storm {
namespace {

constexpr int kBits = 13;  // of a word: words of records lie across their parts

// Records of skewed words, so that many are equal, in the order in which they are drawn.
template <int K>
std::vector<std::array<uint32_t, 4>> grams(std::size_t count) {
  std::vector<std::array<uint32_t, 4>> all(count);
  uint64_t state = 7;
  for (auto& gram : all)
    for (auto& word : gram) {
      state = state * 6364136223846793005U + 1442695040888963407U;
      const auto drawn = static_cast<uint32_t>(state >> 40);
      word = drawn % 3 == 0 ? drawn % 8192 : drawn % 5;
    }
  return all;
}

template <int K>
void require_sorted(std::size_t budget, std::size_t count) {
  std::map<std::array<uint32_t, 4>, uint32_t> expected;
  RecordSorter<CountedGram<K>> sorter(budget);
  for (const auto& words : grams<K>(count)) {
    ++expected[words];
    CountedGram<K> gram{{}, 1};
    for (int k = 0; k < 4; ++k) gram.words.put(k, kBits, words[static_cast<std::size_t>(k)]);
    sorter.push(gram);
  }
  sorter.finish();
  for (const auto& [words, times] : expected) {
    const auto* gram = sorter.next();
    REQUIRE(gram != nullptr);
    for (int k = 0; k < 4; ++k) REQUIRE(gram->words.word(k, kBits) == words[static_cast<std::size_t>(k)]);
    REQUIRE(gram->count == times);
  }
  REQUIRE(sorter.next() == nullptr);
}

}  // namespace

TEST_CASE("records are sorted and equal ones counted, in memory and in runs on disk") {
  require_sorted<2>(std::size_t{64} << 20, 0);
  require_sorted<2>(std::size_t{64} << 20, 100'000);
  require_sorted<2>(std::size_t{1} << 20, 100'000);  // three runs
  require_sorted<3>(std::size_t{1} << 20, 300'000);
}

TEST_CASE("words are packed across the parts of a record, whatever their bits") {
  for (const int bits : {1, 5, 13, 16, 17, 27})
    for (int words = 1; words <= kMostOrder; ++words)
      with_packed_parts(words, bits, [&](auto k) {
        PackedWords<k()> packed;
        const auto word = [&](int place) {
          return static_cast<uint32_t>(0xb5297a4dU * (place + 1)) & ((1U << bits) - 1);
        };
        for (int place = 0; place < words; ++place) packed.put(place, bits, word(place));
        for (int place = 0; place < words; ++place) CHECK(packed.word(place, bits) == word(place));
      });
}

TEST_CASE("values are read in the order of their places, in memory and from parts on disk") {
  for (const std::size_t budget : {std::size_t{1} << 24, std::size_t{1} << 16}) {
    constexpr uint64_t kSize = 50'003;
    Rearranged<uint64_t> values(kSize, budget);
    for (uint64_t i = 0, place = 0; i < kSize; ++i, place = (place + 20'011) % kSize)
      if (place % 7 != 3) values.put(place, place * 3 + 1);
    bool right = true;
    for (uint64_t place = 0; place < kSize; ++place) right &= values.next() == (place % 7 != 3 ? place * 3 + 1 : 0);
    CHECK(right);
  }
}

}  // namespace storm
