// A safetensors document: metadata and named tensors. The bytes live in a mapped file, in what was read, or with the
// caller; documents are cheap to copy, since copies share them. Format: lib/stream/README.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/dtype.h"
#include "base/mapped_file.h"

namespace storm {

// Metadata keys that every kind of stream uses; the others are listed in lib/stream/README.md.
constexpr const char* kKindKey = "storm.kind";
constexpr const char* kVersionKey = "storm.version";
constexpr const char* kCommandKey = "storm.command";
constexpr const char* kStreamVersion = "1";
// Of a checkpoint: which of its tensors are the training's state and no parameters, their names joined by commas.
constexpr const char* kStateTensorsKey = "train.tensors";

struct Tensor {
  std::string name;
  DType dtype = DType::F32;
  std::vector<int64_t> shape;        // empty: a scalar
  std::span<const std::byte> bytes;  // row-major, little-endian; not always aligned: see Document::values

  int64_t elements() const;  // the product of the shape, which a reader has checked
};

template <class T>
constexpr DType dtype_of() {
  using U = std::remove_const_t<T>;
  if constexpr (std::is_same_v<U, uint8_t> || std::is_same_v<U, char> || std::is_same_v<U, std::byte>)
    return DType::U8;
  else if constexpr (std::is_same_v<U, int8_t>)
    return DType::I8;
  else if constexpr (std::is_same_v<U, int32_t>)
    return DType::I32;
  else if constexpr (std::is_same_v<U, int64_t>)
    return DType::I64;
  else if constexpr (std::is_same_v<U, float>)
    return DType::F32;
  else {
    static_assert(std::is_same_v<U, double>, "no such element type; read F16 and BF16 through Tensor::bytes");
    return DType::F64;
  }
}

class Document {
 public:
  std::map<std::string, std::string> metadata;
  std::string where = "document";  // for errors: "x.st: byte 512" is where this document begins

  // They stand in the order of their bytes.
  const std::vector<Tensor>& tensors() const { return tensors_; }
  const Tensor* find(std::string_view name) const;      // nullptr when there is none
  const Tensor& tensor(std::string_view name) const;    // throws Error when there is none
  const std::string& meta(std::string_view key) const;  // throws Error when there is none
  std::string kind() const;                             // "" when the document does not say

  // The elements of one tensor; throws Error for a missing name or another dtype, and where a shape is given, for
  // another shape (-1 there: any extent). Bytes that are not aligned are copied once. Safe to call from many threads.
  template <class T>
  std::span<const T> values(std::string_view name) const {
    const auto bytes = checked(name, dtype_of<T>(), nullptr);
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
  template <class T>
  std::span<const T> values(std::string_view name, const std::vector<int64_t>& shape) const {
    const auto bytes = checked(name, dtype_of<T>(), &shape);
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }

  // Adds a tensor; the bytes are copied (add) or must outlive the document and its copies (add_view).
  // Throws Error for a name that is taken and for a shape that does not fit the size.
  void add(std::string name, DType dtype, std::vector<int64_t> shape, std::span<const std::byte> bytes);
  void add_view(std::string name, DType dtype, std::vector<int64_t> shape, std::span<const std::byte> bytes);
  template <class T>
  void add(std::string name, std::span<const T> values) {
    add(std::move(name), dtype_of<T>(), {static_cast<int64_t>(values.size())}, std::as_bytes(values));
  }
  template <class T>
  void add_view(std::string name, std::span<const T> values) {
    add_view(std::move(name), dtype_of<T>(), {static_cast<int64_t>(values.size())}, std::as_bytes(values));
  }

  void keep(std::shared_ptr<const void> owner);  // the document and its copies hold on to it
  void keep(std::shared_ptr<const MappedFile> file);
  void forget() const;  // what was read of a mapped file no longer counts as memory until it is touched again

 private:
  friend struct Header;
  std::span<const std::byte> checked(std::string_view name, DType dtype, const std::vector<int64_t>* shape) const;

  std::vector<Tensor> tensors_;
  std::map<std::string, std::size_t, std::less<>> index_;  // name to place in tensors_
  std::vector<std::shared_ptr<const void>> owners_;
  std::vector<std::shared_ptr<const MappedFile>> files_;
  struct Copies;
  std::shared_ptr<Copies> copies_;  // aligned copies of tensors that were not
};

// What the JSON at the start of a document says, checked: names are unique, dtypes known, shapes fit the byte ranges,
// and the ranges cover the data without holes or overlaps.
struct Header {
  std::map<std::string, std::string> metadata;
  struct Entry {
    std::string name;
    DType dtype;
    std::vector<int64_t> shape;
    uint64_t begin, end;  // bytes, from where the data begins
  };
  std::vector<Entry> entries;  // in the order of their bytes
  uint64_t data_bytes = 0;

  // The document whose data begins at data; where: as in Document. Takes what the header holds.
  Document document(std::span<const std::byte> data, std::string where) &&;
};

constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // as the safetensors package has it
constexpr std::size_t kMaxMetadataKeys = 65'536;   // a tiny one takes ten times its bytes of the header in memory

// The header's length from its 8 bytes; throws Error above kMaxHeaderBytes. name and offset: the stream's name and the
// byte where the document begins, for errors.
uint64_t parse_header_length(std::span<const std::byte, 8> bytes, std::string_view name, uint64_t offset);
// Throws Error unless the JSON text that follows these 8 bytes begins as it must.
void require_object_begins(std::span<const std::byte> json, std::string_view name, uint64_t offset);
// The JSON text that follows these 8 bytes. Whatever the bytes are, the result is a valid header or an Error.
Header parse_header(std::span<const std::byte> json, std::string_view name, uint64_t offset);

// Length and JSON for these tensors, whose data must follow in the same order without gaps. Only their sizes by shape
// and dtype matter, not their bytes. Padded with spaces so that data begins at a multiple of 64 bytes of the document.
std::string header_bytes(const std::map<std::string, std::string>& metadata, std::span<const Tensor> tensors);
// Wider elements first, so that every tensor is aligned for its dtype; otherwise the order is kept.
void sort_for_writing(std::vector<Tensor>& tensors);

// True for a shape without negative extents whose element count and byte count fit in an int64_t, and whose bits (F6
// and F4 are packed) fill whole bytes; sets bytes.
bool shape_bytes(std::span<const int64_t> shape, DType dtype, uint64_t& bytes);
std::string shape_text(std::span<const int64_t> shape);  // "[3, 4]"

}  // namespace storm
