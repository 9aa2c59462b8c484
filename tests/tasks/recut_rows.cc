#include "tasks/recut_rows.h"

#include <algorithm>

#include "base/error.h"
#include "tests/catch.h"
#include "tests/data/streams.h"
#include "tests/text/hard_text.h"

using namespace storm;
using test::copied_row;

namespace {

// Lines in both columns, as a vocabulary cuts them; the third column is a label.
class Lines : public RowSource {
 public:
  Lines(const Vocabulary& vocabulary, const std::vector<std::string>& lines) : longest_(3) {
    for (const auto& line : lines) {
      columns_.push_back({vocabulary.encode(line), vocabulary.encode(line + line), {7}});
      for (std::size_t c = 0; c < 3; ++c)
        longest_[c] = std::max(longest_[c], static_cast<int64_t>(columns_.back()[c].size()));
    }
  }
  int64_t rows(int64_t) const override { return static_cast<int64_t>(columns_.size()); }
  void lengths(int64_t, int64_t row, std::span<int64_t> to) const override {
    for (std::size_t c = 0; c < 3; ++c) to[c] = static_cast<int64_t>(of(row)[c].size());
  }
  void append(int64_t, int64_t row, Rows& to) const override {
    to.columns = 3;
    for (const auto& ids : of(row)) to.add(ids);
  }
  std::span<const int64_t> longest() const override { return longest_; }
  std::vector<int64_t> all_ids(int64_t) const override { return {}; }
  const std::vector<std::vector<int32_t>>& of(int64_t row) const { return columns_[static_cast<std::size_t>(row)]; }

 private:
  std::vector<std::vector<std::vector<int32_t>>> columns_;
  std::vector<int64_t> longest_;
};

}  // namespace

TEST_CASE("rows that are cut anew say the same each epoch, in other pieces, and are found without those before them") {
  const auto vocabulary = Vocabulary::from_bytes(test::trained({}));
  const Lines lines(vocabulary, test::nasty_lines(300));
  const std::vector vocabularies{vocabulary, vocabulary};
  const RecutRows rows(lines, vocabularies, 0.2, 3, "test"), again(lines, vocabularies, 0.2, 3, "test"),
      other(lines, vocabularies, 0.2, 4, "test");
  int64_t changed = 0, of_other_epoch = 0, of_other_seed = 0, apart = 0;
  std::vector<int64_t> lengths(3), sums(3);
  for (int64_t row = 0; row < 300; ++row) {
    const Rows first = copied_row(rows, 0, row), second = copied_row(rows, 1, row);
    rows.lengths(0, row, lengths);
    for (std::size_t c = 0; c < 2; ++c) {
      INFO("row " << row << ", column " << c);
      const auto& whole = lines.of(row)[c];
      CHECK(vocabulary.decode(first(0, c)) == vocabulary.decode(whole));
      CHECK(lengths[c] == static_cast<int64_t>(first(0, c).size()));
      CHECK(lengths[c] <= rows.longest()[c]);
      sums[c] += lengths[c];
      changed += !std::ranges::equal(first(0, c), whole);
      of_other_epoch += !std::ranges::equal(first(0, c), second(0, c));
      of_other_seed += !std::ranges::equal(first(0, c), copied_row(other, 0, row)(0, c));
    }
    apart += !std::ranges::equal(first(0, 0), first(0, 1).first(std::min(first(0, 0).size(), first(0, 1).size())));
    CHECK(first(0, 2)[0] == 7);
    CHECK(copied_row(again, 1, 299 - row).ids == copied_row(rows, 1, 299 - row).ids);
  }
  CHECK(changed > 150);
  CHECK(of_other_epoch > 150);
  CHECK(of_other_seed > 150);
  CHECK(apart > 50);
  const auto all = rows.all_ids(0);
  CHECK(all[0] == sums[0]);
  CHECK(all[1] == sums[1]);
}

TEST_CASE("rows without a BPE vocabulary are not cut anew, and the error says what is needed") {
  const auto vocabulary = Vocabulary::from_bytes(test::trained({}));
  const Lines lines(vocabulary, {"a b"});
  const auto labels = Vocabulary::from_bytes(test::trained({{"model_type", "unigram"}}));
  CHECK_THROWS_WITH(RecutRows(lines, std::vector{labels, labels}, 0.1, 1, "x.st"),
                    Catch::Matchers::Contains("x.st: BPE-dropout needs a BPE model"));
}
