// Words with a vector each, the most frequent first: what is asked when somebody wants to know what vectors know.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vectors/vector_rows.h"

namespace storm {

class WordTable {
 public:
  virtual ~WordTable() = default;
  virtual const std::string& name() const = 0;  // of its file
  virtual int64_t size() const = 0;
  virtual int64_t width() const = 0;
  virtual std::string_view word(int64_t row) const = 0;
  virtual int64_t row_of(std::string_view word) const = 0;        // -1: there is none
  virtual void read(int64_t row, std::span<float> to) const = 0;  // to: [width]
  // The word's row, or what its parts say of a word that has none (n-grams, pieces). False where they say nothing; `to`
  // [width] is then left as it is.
  virtual bool read_word(std::string_view word, std::span<float> to) const = 0;
  virtual std::vector<VectorBlock> blocks() const = 0;  // the rows, in order, for a search
};

}  // namespace storm
