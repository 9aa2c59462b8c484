#include "data/text_rows.h"

#include <set>

#include "base/error.h"
#include "data/batches.h"
#include "tests/catch.h"
#include "tests/data/text.h"

using namespace storm;
using namespace storm::test;

namespace {

// Blank rows in a row, at both ends and at the ends of documents; rows longer than blocks.
const std::vector<std::vector<int64_t>> kTexts{
    {5}, {0}, {0, 0, 0}, {1, 0, 2, 0, 0, 40, 3, 0, 7, 1, 1, 0}, {0, 9, 9, 0, 0, 0, 0, 2}, {3, 4, 5, 6, 7, 8, 9}};

}  // namespace

TEST_CASE("running text from any place to any other is what a naive reading gives") {
  for (const auto& lengths : kTexts)
    for (const int64_t part : {1, 2, 3, 100})
      for (const bool documents : {false, true}) {
        const Text text(lengths, part);
        const RunningText running(text.file, kEos, documents);
        auto wanted = text_of(lengths, documents);
        REQUIRE(running.size() == static_cast<int64_t>(wanted.size()));
        wanted.insert(wanted.begin(), kEos);  // the one before the text
        for (int64_t first = -1; first <= running.size(); ++first)
          for (int64_t last = std::max<int64_t>(first, 0); last <= running.size(); ++last) {
            Ids got;
            running.append(first, last, got);
            REQUIRE(got == Ids(wanted.begin() + first + 1, wanted.begin() + last + 1));
          }
      }
}

TEST_CASE("every place of the text is a label exactly once an epoch, behind the token before it") {
  const std::vector<int64_t> lengths = kTexts[3];
  const bool documents = GENERATE(false, true);
  const Text text(lengths, 4);
  const auto wanted = text_of(lengths, documents);
  for (const int64_t block : {1, 2, 7, 16, 1000}) {
    const TextBlocks blocks(RunningText(text.file, kEos, documents), block, 5);
    std::set<std::size_t> first_blocks;
    for (int64_t epoch = 0; epoch < 50; ++epoch) {
      Ids labels;
      int64_t ids = 0;
      for (int64_t row = 0; row < blocks.rows(epoch); ++row) {
        const auto got = row_of(blocks, epoch, row);
        const auto n = static_cast<int64_t>(got.size()) - 1;
        REQUIRE(got[0] == (labels.empty() ? kEos : labels.back()));
        REQUIRE((n >= 1 && n <= block));
        if (row > 0 && row + 1 < blocks.rows(epoch)) REQUIRE(n == block);
        if (row == 0) first_blocks.insert(got.size() - 1);
        REQUIRE(n + 1 <= blocks.longest()[0]);
        labels.insert(labels.end(), got.begin() + 1, got.end());
        ids += n + 1;
      }
      REQUIRE(labels == wanted);
      REQUIRE(blocks.all_ids(epoch) == std::vector{ids});
    }
    if (block <= 7) CHECK(first_blocks.size() == static_cast<std::size_t>(block));  // all of them were drawn
  }
}

TEST_CASE("without a seed, blocks begin with a whole one in every epoch") {
  const Text text({3, 4, 5}, 2);  // 15 tokens with their EOS
  const TextBlocks blocks(RunningText(text.file, kEos, false), 6, {});
  for (const int64_t epoch : {0, 1}) {
    REQUIRE(blocks.rows(epoch) == 3);
    CHECK(row_of(blocks, epoch, 0) == Ids{3, 10, 11, 12, 3, 13, 14});
    CHECK(row_of(blocks, epoch, 1) == Ids{14, 15, 16, 3, 17, 18, 19});
    CHECK(row_of(blocks, epoch, 2) == Ids{19, 20, 21, 3});
  }
  CHECK(TextBlocks(RunningText(text.file, kEos, false), 5, {}).rows(0) == 3);
}

TEST_CASE("a text shorter than a block is one block, or two where the first one ends inside of it") {
  const Text text({3}, 2);
  const TextBlocks whole(RunningText(text.file, kEos, false), 1000, {});
  REQUIRE(whole.rows(0) == 1);
  CHECK(row_of(whole, 0, 0) == Ids{3, 10, 11, 12, 3});
  CHECK(whole.longest()[0] == 5);
  const TextBlocks drawn(RunningText(text.file, kEos, false), 5, 1);
  for (int64_t epoch = 0; epoch < 30; ++epoch) {
    const auto first = row_of(drawn, epoch, 0);
    CHECK(drawn.rows(epoch) == (first.size() == 5 ? 1 : 2));
  }
}

TEST_CASE("blocks are drawn by seed and epoch, the first one as often of each length") {
  const Text text({50}, 1);
  const TextBlocks one(RunningText(text.file, kEos, false), 10, 1), two(RunningText(text.file, kEos, false), 10, 2);
  std::vector<int> counts(11);
  int same = 0;
  for (int64_t epoch = 0; epoch < 10'000; ++epoch) {
    int64_t first = 0, other = 0;
    one.lengths(epoch, 0, {&first, 1});
    two.lengths(epoch, 0, {&other, 1});
    ++counts[static_cast<std::size_t>(first - 1)];
    same += first == other;
  }
  for (std::size_t n = 1; n <= 10; ++n) CHECK((counts[n] > 850 && counts[n] < 1150));  // 1,000 with a deviation of 30
  CHECK((same > 850 && same < 1150));
}

TEST_CASE("blocks are batched as rows are: shuffled, by tokens, and again from a place alone") {
  const Text text(std::vector<int64_t>(300, 7), 20);  // 2,400 tokens
  const TextBlocks blocks(RunningText(text.file, kEos, false), 16, 1);
  const std::vector<Side> sides{{{0}, -1, 16}};
  const BatchSource source(blocks, sides, 64, true, 1), again(blocks, sides, 64, true, 1);
  CHECK(source.dropped() == 0);
  CHECK(source.rows() == blocks.rows(0));
  CHECK(all_tokens(blocks, sides[0]) == 2400);
  CHECK(longest_rows(blocks, sides) == std::vector<int64_t>{16});
  Rows rows, other;
  for (int64_t epoch = 0; epoch < 3; ++epoch) {
    std::multiset<int32_t> labels;
    int64_t batches = 0;
    bool in_order = true;
    for (Place place{epoch, 0}; source.next(place, rows); ++batches) {
      int64_t tokens = 0;
      for (int64_t i = 0; i < rows.size(); ++i) {
        const auto row = rows(i, 0).subspan(1);
        in_order = in_order && (labels.empty() || row.front() == kEos || row.front() > *labels.rbegin());
        tokens += static_cast<int64_t>(row.size());
        labels.insert(row.begin(), row.end());
      }
      CHECK((tokens <= 64 && tokens > 32));
      Place resumed{place.epoch, place.next - rows.size()};
      REQUIRE(again.next(resumed, other));
      CHECK(other.ids == rows.ids);
    }
    const auto text_ids = text_of(std::vector<int64_t>(300, 7), false);
    CHECK(labels == std::multiset<int32_t>(text_ids.begin(), text_ids.end()));
    CHECK(batches == source.batches(epoch));
    CHECK_FALSE(in_order);
  }
}

TEST_CASE("a row that is a text of its own stands between two EOS") {
  const Text text({2, 0, 3}, 2);
  const TextLines lines(text.file, kEos);
  REQUIRE(lines.rows(7) == 3);
  CHECK(row_of(lines, 0, 0) == Ids{3, 10, 11, 3});
  CHECK(row_of(lines, 1, 1) == Ids{3, 3});
  CHECK(row_of(lines, 2, 2) == Ids{3, 12, 13, 14, 3});
  CHECK(lines.longest()[0] == 5);
  CHECK(lines.all_ids(0) == std::vector<int64_t>{11});
}

TEST_CASE("running text of two columns is refused") {
  const test::ScratchFolder folder;
  test::write_pairs(folder / "x.st", 3, 3);
  TokenFile file(folder / "x.st", {"src", "tgt"});
  file.index({100, 100});
  CHECK_THROWS_AS(RunningText(file, kEos, false), Error);
}
