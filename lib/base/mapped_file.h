// A file's bytes, mapped read-only: pages are loaded when touched, so a corpus larger than memory can be used.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace storm {

class MappedFile {
 public:
  explicit MappedFile(const std::string& path);  // throws Error; an empty file maps to no bytes
  MappedFile(int fd, std::string name);          // an open regular file, which stays open and the caller's
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::string& name() const { return name_; }
  void read_at_random() const;  // from now on: a read brings in little of what is around it
  void forget() const;  // pages that were loaded no longer count as this process's memory until they are touched again

 private:
  void map(int fd);

  std::string name_;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace storm
