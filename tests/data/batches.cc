#include "data/batches.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "base/error.h"
#include "base/input.h"
#include "data/permutation.h"
#include "tests/catch.h"
#include "tests/data/streams.h"

using namespace storm;

namespace {

constexpr int64_t kPairs = 1000;
const std::vector<std::string> kColumns{"src", "tgt"};
const std::vector<Side> kSides{{{0}, 1}, {{1}, 1}};  // each with EOS

struct Corpus {
  test::ScratchFolder folder;
  TokenFile file;
  explicit Corpus(int64_t pairs = kPairs, int64_t rows = 17) : file(write(folder / "x.st", pairs, rows), kColumns) {
    file.index({pairs + 10, 10});
  }
  static std::string write(const std::string& path, int64_t pairs, int64_t rows) {
    test::write_pairs(path, pairs, rows);
    return path;
  }
};

// The pairs of one epoch in their order.
std::vector<int32_t> order_of(const BatchSource& source, int64_t epoch) {
  std::vector<int32_t> order;
  Rows pairs;
  for (Place place{epoch, 0}; source.next(place, pairs);)
    for (int64_t i = 0; i < pairs.size(); ++i) order.push_back(pairs(i, 0)[0]);
  return order;
}

}  // namespace

TEST_CASE("a permutation takes every number once, for every small n and some larger") {
  for (const uint64_t n : {1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 64, 100, 1023, 1025, 5000}) {
    const Permutation p(n, 3, 4);
    std::set<uint64_t> seen;
    for (uint64_t i = 0; i < n; ++i) seen.insert(p(i));
    CHECK(seen.size() == n);
    CHECK(*seen.rbegin() == n - 1);
  }
}

TEST_CASE("a permutation is random: every number is about as likely in every place") {
  constexpr uint64_t n = 10, draws = 20000;
  std::vector<int> counts(n * n);
  for (uint64_t epoch = 0; epoch < draws; ++epoch) {
    const Permutation p(n, 1, epoch);
    for (uint64_t i = 0; i < n; ++i) ++counts[i * n + p(i)];
  }
  // 2,000 each with a standard deviation of 42; the largest of 100 stays below 5 of these.
  CHECK(*std::ranges::min_element(counts) > 1790);
  CHECK(*std::ranges::max_element(counts) < 2210);
}

TEST_CASE("every pair comes exactly once in an epoch, and its tokens are its own") {
  const Corpus corpus;
  const BatchSource source(corpus.file, kSides, 100, true, 7);
  auto order = order_of(source, 0);
  CHECK(order != [] {
    std::vector<int32_t> v(kPairs);
    std::iota(v.begin(), v.end(), 0);
    return v;
  }());
  Rows pairs;
  for (Place place; source.next(place, pairs);)
    for (int64_t i = 0; i < pairs.size(); ++i) {
      const int32_t number = pairs(i, 0)[0];
      REQUIRE(static_cast<int32_t>(pairs(i, 0).size()) == 1 + number % 7);
      REQUIRE(static_cast<int32_t>(pairs(i, 1).size()) == 1 + 3 * number % 11);
    }
  std::ranges::sort(order);
  for (int32_t i = 0; i < kPairs; ++i) REQUIRE(order[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("a batch has at most max_tokens on its larger side, and the next pair would not have fitted") {
  const Corpus corpus;
  const int64_t max_tokens = GENERATE(12, 50, 333);
  const BatchSource source(corpus.file, kSides, max_tokens, true, 7);
  Rows pairs;
  int64_t batches = 0, last_source = 0, last_target = 0;
  for (Place place; source.next(place, pairs); ++batches) {
    int64_t s = 0, t = 0;
    for (int64_t i = 0; i < pairs.size(); ++i) {
      s += static_cast<int64_t>(pairs(i, 0).size()) + 1;
      t += static_cast<int64_t>(pairs(i, 1).size()) + 1;
    }
    REQUIRE(std::max(s, t) <= max_tokens);
    if (batches > 0) {
      const auto first_source = static_cast<int64_t>(pairs(0, 0).size()) + 1;
      const auto first_target = static_cast<int64_t>(pairs(0, 1).size()) + 1;
      REQUIRE(std::max(last_source + first_source, last_target + first_target) > max_tokens);
    }
    last_source = s;
    last_target = t;
  }
  CHECK(batches == source.batches(0));
}

TEST_CASE("the order hangs on seed and epoch, not on the batches' size or on the documents") {
  const Corpus corpus, other(kPairs, 400);
  const BatchSource source(corpus.file, kSides, 100, true, 7);
  const auto order = order_of(source, 0);
  CHECK(order == order_of(BatchSource(corpus.file, kSides, 60, true, 7), 0));
  CHECK(order == order_of(BatchSource(other.file, kSides, 100, true, 7), 0));
  CHECK(order != order_of(source, 1));
  CHECK(order != order_of(BatchSource(corpus.file, kSides, 100, true, 8), 0));
}

TEST_CASE("a place alone restores what comes next") {
  const Corpus corpus;
  const BatchSource source(corpus.file, kSides, 100, true, 7);
  Place place{3, 0};
  Rows pairs, again;
  for (int i = 0; i < 5; ++i) source.next(place, pairs);
  Place resumed{place.epoch, place.next};
  const BatchSource fresh(corpus.file, kSides, 100, true, 7);
  while (source.next(place, pairs)) {
    REQUIRE(fresh.next(resumed, again));
    REQUIRE(pairs.ids == again.ids);
    REQUIRE(place == resumed);
  }
  CHECK(place == Place{4, 0});
}

TEST_CASE("unshuffled pairs come in the file's order") {
  const Corpus corpus;
  const auto order = order_of(BatchSource(corpus.file, kSides, 100, false), 0);
  CHECK(std::ranges::is_sorted(order));
  CHECK(order.size() == kPairs);
}

TEST_CASE("pairs over a limit are counted and passed over") {
  const Corpus corpus;
  const auto longer = [](int64_t s, int64_t t) {
    int64_t count = 0;
    for (int64_t i = 0; i < kPairs; ++i) count += 2 + i % 7 > s || 2 + 3 * i % 11 > t;
    return count;
  };
  const BatchSource by_tokens(corpus.file, kSides, 9, true, 1);
  CHECK(by_tokens.dropped() == longer(9, 9));
  CHECK(static_cast<int64_t>(order_of(by_tokens, 0).size()) == kPairs - by_tokens.dropped());
  const BatchSource by_model(corpus.file, {{{0}, 1, 5}, {{1}, 1, 10}}, 100, true, 1);
  CHECK(by_model.dropped() == longer(5, 10));
  CHECK(static_cast<int64_t>(order_of(by_model, 0).size()) == kPairs - by_model.dropped());
  int64_t tokens = 0;
  for (int64_t i = 0; i < kPairs; ++i)
    if (2 + i % 7 <= 5 && 2 + 3 * i % 11 <= 10) tokens += 2 + 3 * i % 11;
  CHECK(by_model.tokens() == tokens);
  const BatchSource nothing(corpus.file, kSides, 1, true, 1);
  CHECK(nothing.tokens() == 0);
  CHECK(nothing.rows() == 0);
  Place place;
  Rows pairs;
  CHECK(!nothing.next(place, pairs));
}

TEST_CASE("a file that is no stream of pairs, or has ids beyond the vocabulary, is refused") {
  const test::ScratchFolder folder;
  const auto path = folder / "x.st";
  {
    Output output(path);
    TokenWriter writer(output, {{"src"}, {}, {}});
    writer.finish();
    output.commit();
  }
  CHECK_THROWS_AS(TokenFile(path, kColumns), Error);
  { Output(path).commit(); }
  CHECK_THROWS_AS(TokenFile(path, kColumns), Error);
  test::write_pairs(path, 10, 5);
  TokenFile file(path, kColumns);
  CHECK_THROWS_AS(file.index({9, 10}), Error);
  CHECK_THROWS_AS(TokenFile(folder / "none.st", kColumns), Error);
}

TEST_CASE("a pipe is spooled: it can be read in any order") {
  const test::ScratchFolder folder;
  test::write_pairs(folder / "x.st", 100, 7);
  const auto pipe = folder / "pipe";
  REQUIRE(::system(("mkfifo " + pipe + " && { cat " + (folder / "x.st") + " > " + pipe + " & }").c_str()) == 0);
  TokenFile file(pipe, kColumns);
  file.index({110, 10});
  CHECK(file.size() == 100);
  CHECK(order_of(BatchSource(file, kSides, 50, true, 1), 0).size() == 100);
}

TEST_CASE("a large file stays on disk, however much of it was read") {
  const auto mapped_mib = [] {  // pages of files that count as this process's memory
    Input status("/proc/self/status");
    for (std::string line; status.read_line(line);)
      if (line.starts_with("RssFile:")) return std::stod(line.substr(8)) / 1024;
    return 0.0;
  };
  const double before = mapped_mib();
  const Corpus corpus(1'500'000, 3000);
  CHECK(std::filesystem::file_size(corpus.file.name()) > (80u << 20));
  CHECK(mapped_mib() - before < 1);
  const BatchSource source(corpus.file, kSides, 4096, true, 1);
  Rows pairs;
  Place place;
  for (int batch = 0; batch < 20; ++batch) {
    REQUIRE(source.next(place, pairs));
    for (int64_t i = 0; i < pairs.size(); ++i)
      REQUIRE(static_cast<int64_t>(pairs(i, 0).size()) == 1 + pairs(i, 0)[0] % 7);
    CHECK(mapped_mib() - before < 33);
  }
}
