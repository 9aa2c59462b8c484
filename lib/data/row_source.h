// What batches are drawn from: rows of one or several columns of ids, so many an epoch, each found by its number. A
// file of rows is one (token_file.h), and so is a text that is cut into rows (text_rows.h).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace storm {

// Rows copied out of a source, each of so many columns of ids.
struct Rows {
  std::size_t columns = 1;
  std::vector<int32_t> ids = {};       // a row's columns one after another
  std::vector<int64_t> offsets = {0};  // [rows * columns + 1]

  int64_t size() const { return static_cast<int64_t>((offsets.size() - 1) / columns); }
  std::span<const int32_t> operator()(int64_t row, std::size_t column) const {
    const auto i = static_cast<std::size_t>(row) * columns + column;
    return std::span(ids).subspan(static_cast<std::size_t>(offsets[i]),
                                  static_cast<std::size_t>(offsets[i + 1] - offsets[i]));
  }
  // The next column's ids; or, behind those that were appended to ids, the column's end alone.
  void add(std::span<const int32_t> column) {
    ids.insert(ids.end(), column.begin(), column.end());
    end_column();
  }
  void end_column() { offsets.push_back(static_cast<int64_t>(ids.size())); }
  // A copy of another's row.
  void append(const Rows& from, int64_t row) {
    columns = from.columns;
    for (std::size_t c = 0; c < columns; ++c) add(from(row, c));
  }
  void clear() {
    ids.clear();
    offsets.resize(1);
  }
};

class RowSource {
 public:
  virtual ~RowSource() = default;

  virtual int64_t rows(int64_t epoch) const = 0;                                      // how many it has
  virtual void lengths(int64_t epoch, int64_t row, std::span<int64_t> to) const = 0;  // of each column, in ids
  virtual void append(int64_t epoch, int64_t row, Rows& to) const = 0;                // a copy of the row
  virtual std::span<const int64_t> longest() const = 0;           // of each column, the longest row of any epoch
  virtual std::vector<int64_t> all_ids(int64_t epoch) const = 0;  // of each column, in all rows of the epoch
  // Not 0: a batch is so many rows, in the source's order, the last one maybe fewer (text_streams.h). 0: rows are free
  // to be shuffled and batched.
  virtual int64_t streams() const { return 0; }
};

}  // namespace storm
