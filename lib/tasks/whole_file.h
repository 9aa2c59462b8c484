// A validation set as measures ask about it: the rows of a file that a model takes, in memory.
#pragma once

#include <vector>

#include "data/batches.h"
#include "data/token_file.h"

namespace storm {

class WholeFile {
 public:
  // side: what a row is fed as; rows that are longer than it takes are left out, and a note says so. Throws Error where
  // none is left. The file must be indexed.
  WholeFile(const TokenFile& file, const Side& side);
  WholeFile(const WholeFile&) = delete;
  WholeFile& operator=(const WholeFile&) = delete;

  int64_t size() const { return rows_.size(); }
  const std::vector<std::vector<std::span<const int32_t>>>& columns() const { return columns_; }
  const std::vector<std::span<const int32_t>>& column(std::size_t c) const { return columns_[c]; }

 private:
  Rows rows_;
  std::vector<std::vector<std::span<const int32_t>>> columns_;
};

}  // namespace storm
