// Streams of documents: read from a pipe in constant memory, mapped from a file, written.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/input.h"
#include "base/mapped_file.h"
#include "base/output.h"
#include "stream/document.h"

namespace storm {

// Reads documents one after another. Memory is taken as data arrives, whatever a header claims.
class StreamReader {
 public:
  explicit StreamReader(Input input) : input_(std::move(input)) {}
  explicit StreamReader(const std::string& path) : input_(path) {}  // "-": standard input

  // nullopt at the end, which may only come between documents; a stream that ends elsewhere is an Error.
  std::optional<Document> next();
  bool would_block() { return input_.would_block(); }  // nothing of a next document has arrived yet
  const std::string& name() const { return input_.name(); }
  uint64_t offset() const { return input_.offset(); }

 private:
  Input input_;
};

// The document that begins at this offset, a view of the bytes; offset moves to its end. Throws Error for bytes that
// are no document; name: what errors call them.
Document parse_document(std::span<const std::byte> bytes, std::string_view name, uint64_t& offset);

// The documents of a file, mapped: only headers are read, tensor bytes are loaded when touched. Documents keep the map
// alive.
class MappedStream {
 public:
  explicit MappedStream(const std::string& path);

  std::optional<Document> next();  // nullopt at the end of the file
  void rewind() { offset_ = 0; }
  uint64_t offset() const { return offset_; }       // where the next document begins
  void seek(uint64_t offset) { offset_ = offset; }  // to an offset that offset() has returned
  uint64_t size() const { return file_->bytes().size(); }
  const std::string& name() const { return file_->name(); }

 private:
  std::shared_ptr<const MappedFile> file_;
  uint64_t offset_ = 0;
};

// The one document of a file (a model, a checkpoint): mapped where it is a regular file, read where it is a pipe or
// "-". Throws Error when the file is empty, holds more than one document, or is of another kind ("": any).
Document read_document(const std::string& path, std::string_view kind = "");
// Throws Error "x.st: byte 0: holds 'model', not 'tokens'..." unless the document is of this kind.
void require_kind(const Document& document, std::string_view kind);
// What kind the first document of a regular file is of; empty for all else, and for what is no stream.
std::string kind_of_file(const std::string& path);

// Streams laid end to end are one if they say the same of what they hold. Throws Error for a document with which
// another stream begins, if it differs from the first one's metadata in a key of the format, but for the command.
void require_same_stream(const Document& later, const std::map<std::string, std::string>& first);

// Writes one document; tensors are ordered by sort_for_writing. Flushing and committing the output is the caller's.
void write_document(Output& output, const Document& document);

// For the destructor of a writer that has written documents and was not finished: a part of a document, one byte, so
// that whoever reads fails, too, instead of taking what came for all there is.
void leave_unfinished(Output& output) noexcept;

}  // namespace storm
