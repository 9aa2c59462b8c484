#include "data/text_streams.h"

#include "data/batches.h"
#include "tests/catch.h"
#include "tests/data/text.h"

using namespace storm;
using namespace storm::test;

namespace {

const std::vector<int64_t> kLengths{1, 0, 2, 0, 0, 40, 3, 0, 7, 1, 1, 0, 5};  // 73 tokens, or 65 with documents

// Each stream as it is read batch after batch: the token before it, and its tokens.
std::vector<Ids> read_streams(const BatchSource& source, int64_t streams, int64_t epoch) {
  std::vector<Ids> read(static_cast<std::size_t>(streams));
  Rows rows;
  int64_t before = streams;
  for (Place place{epoch, 0}; source.next(place, rows);) {
    REQUIRE(rows.size() <= before);
    before = rows.size();
    for (int64_t i = 0; i < rows.size(); ++i) {
      const auto row = rows(i, 0);
      auto& stream = read[static_cast<std::size_t>(i)];
      REQUIRE(row.size() >= 2);
      if (stream.empty()) stream.push_back(row[0]);
      REQUIRE(row[0] == stream.back());
      stream.insert(stream.end(), row.begin() + 1, row.end());
    }
  }
  return read;
}

}  // namespace

TEST_CASE("streams are the text's consecutive parts of equal length, each read in its order") {
  const bool documents = GENERATE(false, true), whole = GENERATE(false, true);
  const Text file(kLengths, 4);
  auto text = text_of(kLengths, documents);
  const auto size = static_cast<int64_t>(text.size());
  text.insert(text.begin(), kEos);  // the one before it
  for (const int64_t count : {1, 2, 3, 5, 7, 64})
    for (const int64_t block : {1, 3, 4, 8, 30, 1000}) {
      const TextStreams streams(RunningText(file.file, kEos, documents), block, count, whole);
      const BatchSource source(streams, {{{0}, -1}}, count * block, true, 3);
      for (const int64_t epoch : {0, 1}) {
        const auto read = read_streams(source, count, epoch);
        auto at = text.begin();
        for (int64_t i = 0; i < count; ++i) {
          const int64_t length = size / count + (whole && i < size % count ? 1 : 0);
          REQUIRE(read[static_cast<std::size_t>(i)] == Ids(at, at + length + 1));
          at += length;
        }
        REQUIRE(streams.left_out() == text.end() - at - 1);
        REQUIRE((!whole || streams.left_out() == 0));
      }
      const int64_t longest = size / count + (whole && size % count > 0 ? 1 : 0);
      CHECK(source.batches(0) == (longest + block - 1) / block);
      CHECK(streams.longest()[0] == std::min(block, longest) + 1);
      CHECK(all_tokens(streams, {{0}, -1}) == size - streams.left_out());
    }
}

TEST_CASE("a step of streams is a block of each, and the last one of longer streams has fewer rows") {
  const Text file({6, 6, 5}, 2);                                             // 20 tokens
  const TextStreams whole(RunningText(file.file, kEos, false), 3, 3, true);  // 7, 7 and 6
  const BatchSource source(whole, {{{0}, -1}}, 9, true, 3);
  Place place;
  Rows rows;
  std::vector<int64_t> sizes;
  while (source.next(place, rows)) sizes.push_back(rows.size());
  CHECK(sizes == std::vector<int64_t>{3, 3, 2});
  CHECK(place == Place{1, 0});
  CHECK(rows.size() == 0);
  const TextStreams few(RunningText(file.file, kEos, false), 3, 50, true);  // more streams than tokens
  CHECK(few.rows(0) == 20);
  CHECK(BatchSource(few, {{{0}, -1}}, 150, true, 3).batches(0) == 1);
}

TEST_CASE("a place in streams alone restores what comes next") {
  const Text file(kLengths, 4);
  const TextStreams streams(RunningText(file.file, kEos, false), 4, 3, false);
  const BatchSource source(streams, {{{0}, -1}}, 12, true, 3), fresh(streams, {{{0}, -1}}, 12, true, 9);
  Rows rows, again;
  Place place;
  for (int i = 0; i < 4; ++i) REQUIRE(source.next(place, rows));
  CHECK(place == Place{0, 12});
  for (Place resumed = place; source.next(place, rows);) {
    REQUIRE(fresh.next(resumed, again));
    REQUIRE(rows.ids == again.ids);
    REQUIRE(rows.offsets == again.offsets);
  }
}
