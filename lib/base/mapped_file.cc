#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace storm {

MappedFile::MappedFile(const std::string& path) : name_(path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  require(fd >= 0, path, ": cannot open: ", std::strerror(errno));
  try {
    map(fd);
  } catch (...) {
    ::close(fd);
    throw;
  }
  ::close(fd);
}

MappedFile::MappedFile(int fd, std::string name) : name_(std::move(name)) { map(fd); }

void MappedFile::map(int fd) {
  struct stat info {};
  require(::fstat(fd, &info) == 0 && S_ISREG(info.st_mode), name_, ": cannot map: not a regular file");
  if (info.st_size == 0) return;
  void* at = ::mmap(nullptr, static_cast<std::size_t>(info.st_size), PROT_READ, MAP_PRIVATE, fd, 0);
  require(at != MAP_FAILED, name_, ": cannot map: ", std::strerror(errno));
  data_ = static_cast<const std::byte*>(at);
  size_ = static_cast<std::size_t>(info.st_size);
}

void MappedFile::read_at_random() const {
  if (data_) ::madvise(const_cast<std::byte*>(data_), size_, MADV_RANDOM);
}

void MappedFile::forget() const {
  if (data_) ::madvise(const_cast<std::byte*>(data_), size_, MADV_DONTNEED);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : name_(std::move(other.name_)), data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile::~MappedFile() {
  if (data_) ::munmap(const_cast<std::byte*>(data_), size_);
}

}  // namespace storm
