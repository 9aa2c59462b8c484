// A file's bytes, mapped read-only: pages are loaded when touched, so a corpus larger than memory can be used.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace storm {

class MappedFile {
 public:
  explicit MappedFile(const std::string& path);  // throws Error; an empty file maps to no bytes
  MappedFile(int fd, std::string name);          // an open regular file, which stays open and the caller's
  ~MappedFile();
  MappedFile(MappedFile&&) noexcept;
  MappedFile& operator=(MappedFile&&) = delete;

  // Of a file that another program cuts short meanwhile, what is gone cannot be read: the process says so and ends with
  // exit code 1, at once, as a signal would end it.
  std::span<const std::byte> bytes() const;
  const std::string& name() const { return name_; }
  void read_at_random() const;  // from now on: a read brings in little of what is around it
  void forget() const;  // pages that were loaded no longer count as this process's memory until they are touched again

 private:
  struct Mapping;
  void map(int fd);

  std::string name_;
  std::unique_ptr<Mapping> mapping_;  // null: an empty file
};

}  // namespace storm
