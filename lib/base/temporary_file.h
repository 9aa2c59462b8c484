// A file without a name in $TMPDIR (or /tmp), which goes when it is closed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace storm {

class TemporaryFile {
 public:
  // what: of which it is, for errors: "corpus.txt: byte 512". Throws Error that names the folder and TMPDIR.
  explicit TemporaryFile(std::string_view what);
  ~TemporaryFile();
  TemporaryFile(TemporaryFile&& other) noexcept;
  TemporaryFile& operator=(TemporaryFile&& other) noexcept;

  void append(std::span<const std::byte> bytes, std::string_view what);  // throws Error, as where the disk is full
  // Fills `to` with the bytes from this one on, which were all appended before.
  void read(uint64_t from, std::span<std::byte> to, std::string_view what) const;
  uint64_t size() const { return size_; }
  int fd() const { return fd_; }

 private:
  std::string folder_;
  int fd_ = -1;
  uint64_t size_ = 0;
};

}  // namespace storm
