// A token stream as a file to be read in any order: its documents are found once, its tokens stay on disk. What is
// kept in memory is some 50 bytes a document (of 64k tokens), nothing a row, and pages that were read are given back.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "data/row_source.h"
#include "stream/tokens.h"

namespace storm {

// What is read of a file's columns beside their ids.
struct ColumnContents {
  std::vector<std::size_t> numbers = {};  // columns that hold numbers, which come behind all that hold ids
  std::vector<std::size_t> placed = {};   // columns of which the lines are read, too, and where the pieces stand there
};

// A column of numbers is one of rows with one id: the number's bits. Behind the columns, rows have three more of each
// that is placed: where each piece begins in its line, where it ends, and the line, a byte an id.
class TokenFile : public RowSource {
 public:
  // path: a file; a pipe, or "-" for standard input, is first copied to a temporary file without a name (in $TMPDIR).
  // columns: those that are read, in this order. any_name: where that is one, the only one that a stream has serves it,
  // whatever its name. Throws Error when it is no token stream, or lacks one of them or what is read of it.
  TokenFile(const std::string& path, const std::vector<std::string>& columns, bool any_name = false,
            ColumnContents contents = {});
  TokenFile(MappedFile file, const std::vector<std::string>& columns, bool any_name = false,
            ColumnContents contents = {});

  const TokenInfo& info() const { return info_; }
  const std::string& name() const { return file_.name(); }
  const std::vector<std::string>& columns() const { return columns_; }

  // Reads through the whole file, checks it (see token_batch) against the size of the vocabulary of each column of ids,
  // and finds the rows. Call it once, before what follows.
  void index(const std::vector<int64_t>& vocabularies);

  int64_t size() const { return rows_; }
  void lengths(int64_t row, std::span<int64_t> to) const;  // of each column, in tokens
  void append(int64_t row, Rows& rows) const;

  // The rows as they are, the same in every epoch.
  int64_t rows(int64_t) const override { return rows_; }
  void lengths(int64_t, int64_t row, std::span<int64_t> to) const override { lengths(row, to); }
  void append(int64_t, int64_t row, Rows& to) const override { append(row, to); }
  std::span<const int64_t> longest() const override { return longest_; }
  std::vector<int64_t> all_ids(int64_t) const override { return tokens_; }

  std::span<const int64_t> tokens() const { return tokens_; }  // of all rows, by column

  // The rows' ids of the first column, joined: how many stand before a row (up to size()), and copies of those from
  // `first` to `last` (not included).
  int64_t ids_before(int64_t row) const;
  void append_ids(int64_t first, int64_t last, std::vector<int32_t>& to) const;
  // The row with the token at this place of the text in which each row's ids have one token more behind them.
  int64_t row_at(int64_t place) const;

  // A hash of all ids in their order: other data have another one, the same rows in other documents have the same.
  uint64_t fingerprint() const { return fingerprint_; }

 private:
  // A tensor of rows in the file.
  struct Array {
    uint64_t values, offsets;
    std::size_t size;  // bytes of a value
    bool is_number;    // there are no offsets: each row has one
  };
  struct Part {  // a document with rows: where it begins among the rows, and where its arrays lie in the file
    int64_t first_row, first_id;  // first_id: among the ids of the first column
    std::vector<Array> arrays;    // by column of the rows
  };
  struct Place {
    const std::byte* values;
    int64_t length;
    std::size_t size;  // bytes of a value: 4, or 1 of a line
  };
  template <class Take>
  void find(int64_t row, Take&& take) const;  // take(column, place) for each column
  void add(const TokenBatch& batch);
  template <class Number>
  const Part& part_of(int64_t number, Number&& first_of) const;  // the last that begins at this number or before it
  int64_t offset(const Part& part, int64_t row) const;           // of the first column, in its ids
  void touched(int64_t pages) const;

  MappedFile file_;
  TokenInfo info_;
  std::vector<std::string> columns_;
  ColumnContents contents_;
  std::vector<Part> parts_;
  int64_t rows_ = 0;
  std::vector<int64_t> tokens_, longest_;
  uint64_t fingerprint_ = 0;
  mutable int64_t touched_ = 0;  // reads since pages were last given back
};

// The line that a row of a placed column has, a byte an id.
inline std::string line_of(std::span<const int32_t> column) { return {column.begin(), column.end()}; }

// The number of a row of a column of numbers.
inline float number_of(std::span<const int32_t> column) { return std::bit_cast<float>(column[0]); }

}  // namespace storm
