#include "stream/embeddings.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>

#include "base/error.h"
#include "stream/stream.h"

namespace storm {

namespace {

void require_offsets(const Document& document, std::string_view name, std::span<const int64_t> offsets,
                     std::size_t count) {
  require(!offsets.empty() && offsets.front() == 0 && offsets.back() == static_cast<int64_t>(count), document.where,
          ": ", name, " do not go from 0 to ", count);
  const auto fall = std::adjacent_find(offsets.begin(), offsets.end(), std::greater<>());
  require(fall == offsets.end(), document.where, ": ", name, " fall after row ", fall - offsets.begin());
}

}  // namespace

std::string_view EmbeddingsBatch::text(int64_t row) const {
  const auto i = static_cast<std::size_t>(row);
  return {text_bytes.data() + text_offsets[i], static_cast<std::size_t>(text_offsets[i + 1] - text_offsets[i])};
}

EmbeddingsBatch embeddings_batch(Document document) {
  EmbeddingsBatch batch;
  const Tensor& v = document.tensor("lines.vectors");
  require(v.shape.size() == 2 && v.shape[1] > 0 &&
              (v.dtype == DType::F32 || v.dtype == DType::F16 || v.dtype == DType::BF16),
          document.where, ": lines.vectors are ", dtype_name(v.dtype), " ", shape_text(v.shape),
          ", not F32, F16 or BF16 [rows, width]");
  batch.rows = v.shape[0];
  batch.width = v.shape[1];
  batch.line_offsets = document.values<int64_t>("lines.offsets", {-1});
  batch.text_offsets = document.values<int64_t>("texts.offsets", {batch.rows + 1});
  batch.text_bytes = document.values<char>("texts.bytes", {-1});
  require_offsets(document, "lines.offsets", batch.line_offsets, static_cast<std::size_t>(batch.rows));
  require_offsets(document, "texts.offsets", batch.text_offsets, batch.text_bytes.size());
  batch.document = std::move(document);
  return batch;
}

std::string_view EmbeddingsFile::text(int64_t row) const {
  for (const auto& batch : batches) {
    if (row < batch.rows) return batch.text(row);
    row -= batch.rows;
  }
  fail(name, ": has no row ", row);
}

EmbeddingsFile map_embeddings(const std::string& path) {
  MappedStream stream(path);
  EmbeddingsFile file;
  file.name = path;
  while (auto document = stream.next()) {
    if (file.batches.empty()) {
      require_kind(*document, kEmbeddingsKind);
      require(document->meta(kVersionKey) == kStreamVersion, document->where, ": stream version ",
              document->meta(kVersionKey), ", this program reads version ", kStreamVersion);
      file.metadata = document->metadata;
    } else {
      require_same_stream(*document, file.metadata);
    }
    file.batches.push_back(embeddings_batch(std::move(*document)));
    const auto& batch = file.batches.back();
    if (file.batches.size() == 1) file.width = batch.width;
    require(batch.width == file.width, batch.document.where, ": vectors of ", batch.width, " numbers follow those of ",
            file.width);
  }
  require(!file.batches.empty(), path, ": byte 0: empty, not an embeddings stream; make one with embed");
  return file;
}

EmbeddingsWriter::EmbeddingsWriter(Output& output, std::map<std::string, std::string> metadata, int64_t width,
                                   DType dtype)
    : output_(output), metadata_(std::move(metadata)), width_(static_cast<std::size_t>(width)), dtype_(dtype) {
  metadata_[kKindKey] = kEmbeddingsKind;
  metadata_[kVersionKey] = kStreamVersion;
}

EmbeddingsWriter::~EmbeddingsWriter() {
  if (!finished_ && !first_) leave_unfinished(output_);  // no bytes at all are no stream, either
}

void EmbeddingsWriter::add(std::span<const float> vectors, std::span<const std::string> texts) {
  require(vectors.size() == texts.size() * width_, "a line of ", vectors.size(), " numbers for ", texts.size(),
          " vectors of ", width_);
  const auto begin = vectors_.size(), size = byte_size(dtype_);
  vectors_.resize(begin + vectors.size() * size);
  std::byte* to = vectors_.data() + begin;
  if (dtype_ == DType::F32) {
    if (!vectors.empty()) std::memcpy(to, vectors.data(), vectors.size_bytes());
  } else {
    for (const float x : vectors) {
      const uint16_t bits = dtype_ == DType::F16 ? f32_to_f16(x) : f32_to_bf16(x);
      const float back = dtype_ == DType::F16 ? f16_to_f32(bits) : bf16_to_f32(bits);
      require(!std::isinf(back) || std::isinf(x), "line ", lines_ + 1, ": a value is beyond the range of ",
              dtype_name(dtype_), "; take f32");
      std::memcpy(to, &bits, 2);
      to += 2;
    }
  }
  for (const auto& text : texts) {
    texts_ += text;
    text_offsets_.push_back(static_cast<int64_t>(texts_.size()));
  }
  line_offsets_.push_back(line_offsets_.back() + static_cast<int64_t>(texts.size()));
  rows_ += static_cast<int64_t>(texts.size());
  ++lines_;
  if (text_offsets_.size() > kRows || line_offsets_.size() > kRows || vectors_.size() >= kBytes ||
      texts_.size() >= kBytes)
    write();
}

void EmbeddingsWriter::write() {
  Document document;
  if (first_) document.metadata = metadata_;
  if (first_ && !vocabulary_.empty()) document.add_view<char>("vocab", vocabulary_);
  const auto rows = static_cast<int64_t>(text_offsets_.size()) - 1;
  document.add_view("lines.vectors", dtype_, {rows, static_cast<int64_t>(width_)}, vectors_);
  document.add_view<int64_t>("lines.offsets", line_offsets_);
  document.add_view<int64_t>("texts.offsets", text_offsets_);
  document.add_view<char>("texts.bytes", texts_);
  if (!subword_buckets_.empty()) {
    document.add_view<int32_t>("subwords.buckets", subword_buckets_);
    document.add_view("subwords.vectors", DType::F32,
                      {static_cast<int64_t>(subword_buckets_.size()), static_cast<int64_t>(width_)}, subword_vectors_);
  }
  write_document(output_, document);
  vectors_.clear();
  texts_.clear();
  line_offsets_.resize(1);
  text_offsets_.resize(1);
  first_ = false;
}

void EmbeddingsWriter::set_vocabulary(std::string bytes) { vocabulary_ = std::move(bytes); }

void EmbeddingsWriter::add_subwords(std::span<const int32_t> buckets, std::span<const std::byte> vectors) {
  require(vectors.size() == buckets.size() * width_ * sizeof(float), vectors.size(), " bytes for ", buckets.size(),
          " n-grams of ", width_, " numbers");
  if (line_offsets_.size() > 1) write();
  subword_buckets_ = buckets;
  subword_vectors_ = vectors;
}

void EmbeddingsWriter::flush() {
  if (line_offsets_.size() > 1) write();
  output_.flush();
}

void EmbeddingsWriter::finish() {
  if (first_ || line_offsets_.size() > 1 || !subword_buckets_.empty()) write();
  finished_ = true;
}

}  // namespace storm
