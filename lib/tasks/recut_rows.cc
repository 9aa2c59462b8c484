#include "tasks/recut_rows.h"

#include <algorithm>
#include <functional>

#include "base/error.h"
#include "base/random.h"
#include "text/vocabulary_kind.h"

namespace storm {

RecutRows::RecutRows(const RowSource& rows, std::span<const Vocabulary> vocabularies, double rate, uint64_t seed,
                     const std::string& name)
    : rows_(rows), columns_(rows.longest().size()), longest_(rows.longest().size()) {
  std::string why;
  for (std::size_t c = 0; c < std::min(columns_.size(), vocabularies.size()); ++c) try {
      // Columns draw apart from one another, be their words the same.
      columns_[c].emplace(vocabularies[c], rate, seed + c, name);
    } catch (const Error& e) {
      why = e.what();
    }
  require(std::ranges::any_of(columns_, [](const auto& c) { return c.has_value(); }), why);
  whole_.columns = found_.columns = columns_.size();
  for (int64_t row = 0; row < rows.rows(0); ++row) {
    whole_.clear();
    rows.append(0, row, whole_);
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      const auto ids = whole_(0, c);
      longest_[c] = std::max(longest_[c], columns_[c] ? columns_[c]->longest(ids) : static_cast<int64_t>(ids.size()));
    }
  }
}

const Rows& RecutRows::found(int64_t epoch, int64_t row) const {
  if (epoch == found_epoch_ && row == found_row_) return found_;
  whole_.clear();
  found_.clear();
  rows_.append(epoch, row, whole_);
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    if (!columns_[c]) {
      found_.add(whole_(0, c));
      continue;
    }
    columns_[c]->append(whole_(0, c), stream_in_epoch(epoch, row), found_.ids);
    found_.end_column();
  }
  found_epoch_ = epoch;
  found_row_ = row;
  return found_;
}

void RecutRows::lengths(int64_t epoch, int64_t row, std::span<int64_t> to) const {
  const Rows& one = found(epoch, row);
  for (std::size_t c = 0; c < columns_.size(); ++c) to[c] = static_cast<int64_t>(one(0, c).size());
}

void RecutRows::append(int64_t epoch, int64_t row, Rows& to) const { to.append(found(epoch, row), 0); }

std::vector<int64_t> RecutRows::all_ids(int64_t epoch) const {
  std::vector<int64_t> all(columns_.size()), of_row(columns_.size());
  for (int64_t row = 0; row < rows(epoch); ++row) {
    lengths(epoch, row, of_row);
    std::ranges::transform(all, of_row, all.begin(), std::plus());
  }
  return all;
}

}  // namespace storm
