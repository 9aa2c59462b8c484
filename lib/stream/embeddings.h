// The kind "embeddings": vectors with the texts that they stand for. What embed writes, and what it searches as an
// index. Names, shapes and keys: lib/stream/README.md.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/output.h"
#include "stream/document.h"

namespace storm {

constexpr const char* kEmbeddingsKind = "embeddings";
// Of a table with rows for words' n-grams: LEAST,MOST,BUCKETS, as vectors/subwords.h has them.
constexpr const char* kSubwordsKey = "embeddings.subwords";

// One document's rows, checked: a vector and a text each. It keeps the bytes alive.
struct EmbeddingsBatch {
  Document document;
  int64_t rows = 0, width = 0;
  std::span<const int64_t> line_offsets;  // [lines + 1]: line i has rows [offsets[i], offsets[i + 1])
  std::span<const int64_t> text_offsets;  // [rows + 1]
  std::span<const char> text_bytes;       // UTF-8

  const Tensor& vectors() const { return document.tensor("lines.vectors"); }  // [rows, width], F32, F16 or BF16
  std::string_view text(int64_t row) const;
};

// Throws Error for a document that does not hold what the kind asks for. Vectors are not looked at.
EmbeddingsBatch embeddings_batch(Document document);

// All documents of a file, mapped; vectors are loaded when touched. Throws Error unless all are of one width.
struct EmbeddingsFile {
  std::string name;
  std::map<std::string, std::string> metadata;  // the first document's
  std::vector<EmbeddingsBatch> batches;         // at least one
  int64_t width = 0;

  std::string_view text(int64_t row) const;  // row: over the whole file
};
EmbeddingsFile map_embeddings(const std::string& path);

// Writes an embeddings stream. A document is written when it holds kRows rows or kBytes of vectors, by flush(), and by
// finish(), which writes a document without rows when there was none.
class EmbeddingsWriter {
 public:
  // metadata: kind and version are added here. dtype: F32, F16 or BF16.
  EmbeddingsWriter(Output& output, std::map<std::string, std::string> metadata, int64_t width, DType dtype);
  ~EmbeddingsWriter();  // without finish(), the stream ends inside a document, so that its reader fails, too
  EmbeddingsWriter(const EmbeddingsWriter&) = delete;
  EmbeddingsWriter& operator=(const EmbeddingsWriter&) = delete;

  void set_vocabulary(std::string bytes);  // which the lines were cut with, for the first document; call it before add

  // One line: vectors [texts, width]. Throws Error for a value beyond the dtype's range.
  void add(std::span<const float> vectors, std::span<const std::string> texts);

  // The rows of n-grams, which the last document holds; they are looked at in finish(). vectors: [buckets, width], or
  // its bytes, at any address.
  void add_subwords(std::span<const int32_t> buckets, std::span<const float> vectors) {
    add_subwords(buckets, std::as_bytes(vectors));
  }
  void add_subwords(std::span<const int32_t> buckets, std::span<const std::byte> vectors);

  void flush();   // ends the document and hands it to the reader of our pipe
  void finish();  // call once, last; then commit the output
  int64_t lines() const { return lines_; }
  int64_t rows() const { return rows_; }

  static constexpr std::size_t kRows = 65536, kBytes = std::size_t{32} << 20;

 private:
  void write();

  Output& output_;
  std::map<std::string, std::string> metadata_;
  std::size_t width_;
  DType dtype_;
  std::vector<std::byte> vectors_;
  std::vector<int64_t> line_offsets_{0}, text_offsets_{0};
  std::string texts_;
  int64_t lines_ = 0, rows_ = 0;  // of the stream
  bool first_ = true, finished_ = false;
  std::string vocabulary_;
  std::span<const int32_t> subword_buckets_;
  std::span<const std::byte> subword_vectors_;
};

}  // namespace storm
