// Pairs of sentences, and what is masked of rows: what BERT is pre-trained on.
#include "data/sentence_pairs.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "data/batches.h"
#include "data/masked_rows.h"
#include "data/text_rows.h"
#include "tests/catch.h"
#include "tests/data/text.h"
#include "tests/errors.h"

using namespace storm;
using namespace storm::test;

namespace {

// Documents of sentences of several lengths, some longer than a row, with blank rows at both ends and side by side.
std::vector<int64_t> documents(int64_t count) {
  std::vector<int64_t> lengths{0};
  RandomStream random(3, RandomUse::corpus);
  for (int64_t d = 0; d < count; ++d) {
    const auto sentences = 1 + random.below(30);
    for (uint64_t s = 0; s < sentences; ++s)
      lengths.push_back(1 + static_cast<int64_t>(random.below(s == 3 ? 90 : 20)));
    lengths.insert(lengths.end(), 1 + random.below(2), 0);
  }
  return lengths;
}

// Which sentence (row of the file) and document each id is of, ids being 10, 11, ... in their order.
struct Places {
  std::vector<int64_t> row, document;
  explicit Places(const std::vector<int64_t>& lengths) {
    int64_t documents = 0;
    for (std::size_t i = 0; i < lengths.size(); ++i) {
      if (lengths[i] == 0 && i > 0 && lengths[i - 1] > 0) ++documents;
      row.insert(row.end(), static_cast<std::size_t>(lengths[i]), static_cast<int64_t>(i));
      document.insert(document.end(), static_cast<std::size_t>(lengths[i]), documents);
    }
  }
};

struct PairRow {
  Ids a, b;
  int32_t label;
  bool operator==(const PairRow&) const = default;
};
PairRow pair_of(const RowSource& source, int64_t epoch, int64_t row) {
  Rows rows;
  std::array<int64_t, 2> lengths{};
  source.lengths(epoch, row, lengths);
  source.append(epoch, row, rows);
  REQUIRE(rows.size() == 1);
  REQUIRE(lengths == std::array{std::ssize(rows(0, 0)), std::ssize(rows(0, 1))});
  const auto all = rows(0, 0), numbers = rows(0, 1);
  const auto in_a = static_cast<std::size_t>(numbers[0]);
  return {{all.begin(), all.begin() + numbers[0]}, {all.begin() + static_cast<int64_t>(in_a), all.end()}, numbers[1]};
}

bool is_stretch(const Ids& ids) {
  return std::ranges::adjacent_find(ids, [](int32_t a, int32_t b) { return b != a + 1; }) == ids.end();
}

constexpr int64_t kLength = 60;

}  // namespace

TEST_CASE("pairs are stretches of one document each, the second the next or of another one, within their length") {
  const auto lengths = documents(40);
  const Places places(lengths);
  for (const int64_t part : {7, 1000}) {
    const Text text(lengths, part);
    const SentencePairs pairs(text.file, kLength, 5);
    for (int64_t epoch = 0; epoch < 3; ++epoch) {
      int64_t ids = 0, next = 0, seen = 0;
      std::set<int64_t> rows_seen;
      for (int64_t row = 0; row < pairs.rows(epoch); ++row) {
        const auto [a, b, label] = pair_of(pairs, epoch, row);
        REQUIRE((!a.empty() && !b.empty() && std::ssize(a) + std::ssize(b) <= kLength));
        REQUIRE((is_stretch(a) && is_stretch(b)));
        const auto at = [&](int32_t id) { return static_cast<std::size_t>(id - 10); };
        REQUIRE(places.document[at(a.front())] == places.document[at(a.back())]);
        REQUIRE(places.document[at(b.front())] == places.document[at(b.back())]);
        const bool same = places.document[at(a.front())] == places.document[at(b.front())];
        REQUIRE(same == (label == SentencePairs::kIsNext));
        // B begins with the sentence after A's last, but for what was cut off.
        if (same) REQUIRE(places.row[at(b.front())] > places.row[at(a.back())]);
        ids += std::ssize(a) + std::ssize(b);
        next += same;
        ++seen;
        for (const int32_t id : a) rows_seen.insert(places.row[at(id)]);
        if (same)
          for (const int32_t id : b) rows_seen.insert(places.row[at(id)]);
      }
      CHECK(pairs.all_ids(epoch) == std::vector<int64_t>{ids, 2 * seen});
      // Half of those with two sentences are real; documents of one have none.
      const double share = static_cast<double>(next) / static_cast<double>(seen);
      CHECK((share > 0.35 && share < 0.55));
      // What an elsewhere displaced comes again: of all sentences only those that were cut away whole are missing.
      const auto sentences = std::ranges::count_if(lengths, [](int64_t n) { return n > 0; });
      CHECK(std::ssize(rows_seen) > sentences - sentences / 10);
    }
  }
}

TEST_CASE("pairs are drawn anew each epoch, found by their number alone, and alike for validation") {
  const auto lengths = documents(30);
  const Text text(lengths, 11);
  const SentencePairs pairs(text.file, kLength, 5), again(text.file, kLength, 5), other(text.file, kLength, 6),
      fixed(text.file, kLength, {});
  std::vector<PairRow> first, second;
  for (int64_t row = 0; row < pairs.rows(0); ++row) first.push_back(pair_of(pairs, 0, row));
  for (int64_t row = 0; row < pairs.rows(1); ++row) second.push_back(pair_of(pairs, 1, row));
  CHECK(first != second);
  for (int64_t row = again.rows(1); row-- > 0;)
    REQUIRE(pair_of(again, 1, row) == second[static_cast<std::size_t>(row)]);
  for (int64_t row = again.rows(0); row-- > 0;) REQUIRE(pair_of(again, 0, row) == first[static_cast<std::size_t>(row)]);
  CHECK((other.rows(0) != pairs.rows(0) || pair_of(other, 0, 0) != first[0]));
  REQUIRE(fixed.rows(0) == fixed.rows(9));
  for (int64_t row = 0; row < fixed.rows(0); ++row) REQUIRE(pair_of(fixed, 0, row) == pair_of(fixed, 9, row));
}

TEST_CASE("next sentences of one document are refused with what to do") {
  const Text text({3, 4, 5}, 10);
  CHECK(refused([&] { SentencePairs(text.file, kLength, 5); },
                {"holds 1 document", "blank lines", "--next-sentence no"}));
}

namespace {

constexpr int32_t kMask = 4;
// Ids below 10 are special; of the others every third goes on with the word before.
MaskRule rule_of(bool whole_words, std::size_t ids = 5000) {
  MaskRule rule{.whole_words = whole_words, .mask = kMask, .ordinary = {}, .goes_on = {}};
  for (std::size_t id = 0; id < ids; ++id) {
    rule.ordinary.push_back(id >= 10);
    rule.goes_on.push_back(id % 3 == 0);
  }
  return rule;
}

struct MaskedRow {
  Ids ids, asked;
  bool operator==(const MaskedRow&) const = default;
};
MaskedRow masked_of(const RowSource& source, int64_t epoch, int64_t row) {
  Rows rows;
  source.append(epoch, row, rows);
  REQUIRE(rows.columns == 2);
  return {{rows(0, 0).begin(), rows(0, 0).end()}, {rows(0, 1).begin(), rows(0, 1).end()}};
}

std::unique_ptr<RowSource> blocks_of(const Text& text, std::optional<uint64_t> seed) {
  return std::make_unique<TextBlocks>(RunningText(text.file, kEos, true), 100, seed, false);
}

const std::vector<int64_t> kDocuments{200, 0, 900, 1, 0, 350, 2000, 0, 1400};

}  // namespace

TEST_CASE("blocks without the token before are the text, every token once") {
  const Text text(kDocuments, 3);
  const auto wanted = text_of(kDocuments, true);
  const auto blocks = blocks_of(text, 5);
  Ids got;
  for (int64_t row = 0; row < blocks->rows(2); ++row) {
    const auto ids = row_of(*blocks, 2, row);
    CHECK(std::ssize(ids) <= blocks->longest()[0]);
    got.insert(got.end(), ids.begin(), ids.end());
  }
  CHECK(got == wanted);
  CHECK(blocks->all_ids(2) == std::vector<int64_t>{std::ssize(wanted)});
}

TEST_CASE("15 % of a row's ordinary ids are asked for: 80 % of these masked, 10 % any other, 10 % as they are") {
  const Text text(kDocuments, 3);
  const auto wanted = text_of(kDocuments, true);
  const MaskedRows rows(blocks_of(text, 5), rule_of(false), 5);
  int64_t asked = 0, masked = 0, same = 0;
  constexpr int64_t kEpochs = 40;
  for (int64_t epoch = 0; epoch < kEpochs; ++epoch) {
    Ids restored;
    for (int64_t row = 0; row < rows.rows(epoch); ++row) {
      const auto [ids, labels] = masked_of(rows, epoch, row);
      int64_t ordinary = 0, of_row = 0;
      for (std::size_t i = 0; i < ids.size(); ++i) {
        const bool is_asked = labels[i] != MaskedRows::kNotAsked;
        restored.push_back(is_asked ? labels[i] : ids[i]);
        ordinary += restored.back() >= 10;
        if (!is_asked) continue;
        ++of_row;
        REQUIRE(labels[i] >= 10);                    // never a special token
        REQUIRE((ids[i] == kMask || ids[i] >= 10));  // nor one in its place
        masked += ids[i] == kMask;
        same += ids[i] == labels[i];
      }
      REQUIRE(of_row == (ordinary == 0 ? 0 : std::max<int64_t>(1, std::llround(0.15 * static_cast<double>(ordinary)))));
      asked += of_row;
    }
    REQUIRE(restored == wanted);
  }
  const auto share = [&](int64_t n) { return static_cast<double>(n) / static_cast<double>(asked); };
  const auto deviation = [&](double p) { return 4 * std::sqrt(p * (1 - p) / static_cast<double>(asked)); };
  CHECK(std::abs(share(masked) - 0.8) < deviation(0.8));
  CHECK(std::abs(share(same) - 0.1) < deviation(0.1));
  CHECK(std::abs(static_cast<double>(asked) / static_cast<double>(kEpochs * 4851) - 0.15) < 0.001);
}

TEST_CASE("masks are drawn anew each epoch, the same when asked again, and alike for validation") {
  const Text text(kDocuments, 3);
  const auto fixed_texts = [&] { return blocks_of(text, {}); };
  const MaskedRows rows(fixed_texts(), rule_of(false), 5), again(fixed_texts(), rule_of(false), 5),
      fixed(fixed_texts(), rule_of(false), {});
  int64_t common = 0, asked = 0;
  for (int64_t row = 0; row < rows.rows(0); ++row) {
    const auto first = masked_of(rows, 0, row), second = masked_of(rows, 1, row);
    CHECK(masked_of(again, 0, row) == first);
    CHECK(masked_of(fixed, 0, row) == masked_of(fixed, 1, row));
    CHECK(first.asked != second.asked);
    for (std::size_t i = 0; i < first.asked.size(); ++i) {
      asked += first.asked[i] >= 0;
      common += first.asked[i] >= 0 && second.asked[i] >= 0;
    }
  }
  const double share = static_cast<double>(common) / static_cast<double>(asked);
  CHECK((share > 0.1 && share < 0.2));  // as chance has it
}

TEST_CASE("whole words are masked together or not at all, about as many ids") {
  const Text text(kDocuments, 3);
  const MaskedRows rows(blocks_of(text, 5), rule_of(true), 5);
  int64_t asked = 0, all = 0;
  for (int64_t epoch = 0; epoch < 20; ++epoch)
    for (int64_t row = 0; row < rows.rows(epoch); ++row) {
      const auto [ids, labels] = masked_of(rows, epoch, row);
      for (std::size_t i = 0; i < ids.size(); ++i) {
        const bool is_asked = labels[i] != MaskedRows::kNotAsked;
        const int32_t id = is_asked ? labels[i] : ids[i];
        all += id >= 10;
        asked += is_asked;
        if (i == 0 || id < 10 || id % 3 != 0) continue;
        const bool before_asked = labels[i - 1] != MaskedRows::kNotAsked;
        const int32_t before = before_asked ? labels[i - 1] : ids[i - 1];
        if (before >= 10) REQUIRE(before_asked == is_asked);
      }
    }
  const double share = static_cast<double>(asked) / static_cast<double>(all);
  CHECK((share > 0.14 && share < 0.16));
}

TEST_CASE("a word that is longer than what a row is asked for is asked for whole, where there is no other") {
  const Text text({3, 0, 3}, 10);
  MaskRule rule = rule_of(true);
  std::fill(rule.goes_on.begin(), rule.goes_on.end(), true);
  const MaskedRows rows(std::make_unique<TextBlocks>(RunningText(text.file, kEos, true), 3, std::nullopt, false), rule,
                        5);
  CHECK(masked_of(rows, 0, 0).asked == Ids{10, 11, 12});
}

TEST_CASE("masked pairs keep their columns, and no word goes on from A into B") {
  const auto lengths = documents(30);
  const Text text(lengths, 100);
  MaskRule rule = rule_of(true, 20000);
  std::fill(rule.goes_on.begin(), rule.goes_on.end(), true);  // A is one word, and B another
  rule.rate = 0.5;
  const MaskedRows rows(std::make_unique<SentencePairs>(text.file, kLength, 5), rule, 5);
  const SentencePairs pairs(text.file, kLength, 5);
  for (int64_t row = 0; row < rows.rows(0); ++row) {
    Rows got;
    rows.append(0, row, got);
    std::array<int64_t, 3> columns{};
    rows.lengths(0, row, columns);
    REQUIRE(columns == std::array{std::ssize(got(0, 0)), std::ssize(got(0, 1)), std::ssize(got(0, 2))});
    const auto [a, b, label] = pair_of(pairs, 0, row);
    REQUIRE((got(0, 2)[0] == std::ssize(a) && got(0, 2)[1] == label));
    const auto asked = got(0, 1);
    const auto in_a = std::count_if(asked.begin(), asked.begin() + std::ssize(a), [](int32_t id) { return id >= 0; });
    const auto in_b = std::count_if(asked.begin() + std::ssize(a), asked.end(), [](int32_t id) { return id >= 0; });
    REQUIRE((in_a == 0 || in_a == std::ssize(a)));
    REQUIRE((in_b == 0 || in_b == std::ssize(b)));
    REQUIRE(in_a + in_b > 0);
  }
}
