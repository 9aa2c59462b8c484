// A table of vectors by the words that they stand for, mapped from an embeddings stream: what `embed --learn` writes,
// and `tensor import` makes of files of word2vec, GloVe and fastText. With n-grams, where the stream has them, it also
// has vectors of words that are not in it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "stream/embeddings.h"
#include "vectors/subwords.h"
#include "vectors/word_table.h"

namespace storm {

// The rows of a file, for nearest().
std::vector<VectorBlock> blocks_of(const EmbeddingsFile& file);

class WordVectors : public WordTable {
 public:
  // Throws Error where the stream is none of kind embeddings, or a text comes twice.
  explicit WordVectors(const std::string& path);

  const std::string& name() const override { return file_.name; }
  const EmbeddingsFile& file() const { return file_; }
  int64_t size() const override { return size_; }
  int64_t width() const override { return file_.width; }
  const Subwords& subwords() const { return subwords_; }

  std::string_view word(int64_t row) const override;
  int64_t row_of(std::string_view word) const override;
  void read(int64_t row, std::span<float> to) const override;
  std::vector<float> all() const;  // [size, width]

  // The word's row, or the mean of the rows that its n-grams have, of those that the stream holds, summed as fastText
  // does, to the bit. False where it has neither; to: [width] is then left as it is.
  bool read_word(std::string_view word, std::span<float> to) const override;

  std::vector<VectorBlock> blocks() const override;

  // The n-grams that have a row: their buckets, ascending, and their vectors, [buckets, width].
  std::span<const int32_t> buckets() const { return buckets_; }
  std::vector<float> n_grams() const;

 private:
  std::size_t batch_of(int64_t row) const;
  void index();

  EmbeddingsFile file_;
  int64_t size_ = 0;
  std::vector<int64_t> begins_;  // of each batch, its first row
  std::vector<int32_t> slots_;   // rows by the hashes of their words, linear probing; -1: free
  Subwords subwords_;
  std::span<const int32_t> buckets_;  // ascending: those that have a row of n_grams_
  std::optional<Tensor> n_grams_;     // [buckets_.size(), width]
};

}  // namespace storm
