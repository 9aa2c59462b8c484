// Buffered writing to standard output or to a file that appears only when it is complete.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace storm {

class Output {
 public:
  // path "-" is standard output; anything else is written beside its place under another (or no) name and
  // appears there, synced to disk, when commit() returns. Without commit() nothing of it stays behind. That a file of
  // this name can be made is tried at once, by the calls of commit(): a long name or a folder that is not there is an
  // Error before the work and not after it. Symbolic links are written through, an existing file's mode is kept, and
  // what a killed process left beside the place is removed.
  explicit Output(const std::string& path);
  ~Output();
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
  void flush();   // hands the buffer to the system, so that a reader of our pipe sees it
  void commit();  // flush; a file is synced and renamed to its name. Call it once, last.

  const std::string& name() const { return name_; }
  uint64_t offset() const { return offset_; }  // bytes written so far

 private:
  void put(const std::byte* data, std::size_t size);
  std::string temporary_path() const;

  std::string name_, path_, temporary_;  // temporary_ is empty while the file has no name (O_TMPFILE)
  int fd_ = -1;
  uint64_t offset_ = 0;
  std::vector<std::byte> buffer_;
};

}  // namespace storm
