// A token stream as a file to be read in any order: its documents are found once, its tokens stay on disk. What is
// kept in memory is some 40 bytes a document (of 64k tokens), nothing a row, and pages that were read are given back.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "stream/tokens.h"

namespace storm {

// Rows copied out of a file, each of so many columns of ids.
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
  void clear() {
    ids.clear();
    offsets.resize(1);
  }
};

class TokenFile {
 public:
  // path: a file; a pipe, or "-" for standard input, is first copied to a temporary file without a name (in $TMPDIR).
  // columns: those that are read, in this order; where one is asked for, the only one that a stream has serves it,
  // whatever its name. Throws Error when it is no token stream, or lacks one of them.
  TokenFile(const std::string& path, const std::vector<std::string>& columns);

  const TokenInfo& info() const { return info_; }
  const std::string& name() const { return file_.name(); }
  const std::vector<std::string>& columns() const { return columns_; }

  // Reads through the whole file, checks it (see token_batch) against the size of each column's vocabulary, and finds
  // the rows. Call it once, before what follows.
  void index(const std::vector<int64_t>& vocabularies);

  int64_t size() const { return rows_; }
  void lengths(int64_t row, std::span<int64_t> to) const;  // of each column, in tokens
  void append(int64_t row, Rows& rows) const;

  std::span<const int64_t> tokens() const { return tokens_; }    // of all rows, by column
  std::span<const int64_t> longest() const { return longest_; }  // of each column's longest row
  // A hash of all ids in their order: other data have another one, the same rows in other documents have the same.
  uint64_t fingerprint() const { return fingerprint_; }

 private:
  struct Part {  // a document with rows: where it begins among the rows, and where its arrays lie in the file
    int64_t first_row;
    std::vector<uint64_t> ids, offsets;  // by column
  };
  struct Place {
    const std::byte* ids;  // I32
    int64_t length;
  };
  template <class Take>
  void find(int64_t row, Take&& take) const;  // take(column, place) for each column
  void add(const TokenBatch& batch);
  void touched() const;

  MappedFile file_;
  TokenInfo info_;
  std::vector<std::string> columns_;
  std::vector<Part> parts_;
  int64_t rows_ = 0;
  std::vector<int64_t> tokens_, longest_;
  uint64_t fingerprint_ = 0;
  mutable int64_t touched_ = 0;  // reads since pages were last given back
};

}  // namespace storm
