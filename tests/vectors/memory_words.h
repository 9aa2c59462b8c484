// A table of words in memory.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "vectors/word_table.h"

namespace storm::test {

class MemoryWords : public WordTable {
 public:
  // vectors: [words, width]
  MemoryWords(std::vector<std::string> words, std::vector<float> vectors)
      : words_(std::move(words)), vectors_(std::move(vectors)) {}

  const std::string& name() const override { return name_; }
  int64_t size() const override { return static_cast<int64_t>(words_.size()); }
  int64_t width() const override { return static_cast<int64_t>(vectors_.size() / words_.size()); }
  std::string_view word(int64_t row) const override { return words_[static_cast<std::size_t>(row)]; }
  int64_t row_of(std::string_view word) const override {
    const auto at = std::ranges::find(words_, word) - words_.begin();
    return at == size() ? -1 : at;
  }
  void read(int64_t row, std::span<float> to) const override {
    std::copy_n(vectors_.begin() + row * width(), width(), to.begin());
  }
  bool read_word(std::string_view word, std::span<float> to) const override {
    const auto row = row_of(word);
    if (row >= 0) read(row, to);
    return row >= 0;
  }
  std::vector<VectorBlock> blocks() const override {
    return {{DType::F32, size(), std::as_bytes(std::span(vectors_)), name_}};
  }

 private:
  std::string name_ = "words";
  std::vector<std::string> words_;
  std::vector<float> vectors_;
};

}  // namespace storm::test
