#include "base/temporary_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace storm {

TemporaryFile::TemporaryFile(std::string_view what) {
  const char* chosen = std::getenv("TMPDIR");
  folder_ = chosen && *chosen ? chosen : "/tmp";
  fd_ = ::open(folder_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd_ >= 0) return;
  std::string path = folder_ + "/storm-XXXXXX";  // not every file system has nameless files
  fd_ = ::mkostemp(path.data(), O_CLOEXEC);
  require(fd_ >= 0, what, ": cannot spool to ", folder_, ": ", std::strerror(errno), "; set TMPDIR");
  ::unlink(path.c_str());
}

TemporaryFile::~TemporaryFile() {
  if (fd_ >= 0) ::close(fd_);
}

TemporaryFile::TemporaryFile(TemporaryFile&& other) noexcept
    : folder_(std::move(other.folder_)), fd_(std::exchange(other.fd_, -1)), size_(other.size_) {}

TemporaryFile& TemporaryFile::operator=(TemporaryFile&& other) noexcept {
  std::swap(folder_, other.folder_);
  std::swap(fd_, other.fd_);
  std::swap(size_, other.size_);
  return *this;
}

void TemporaryFile::append(std::span<const std::byte> bytes, std::string_view what) {
  while (!bytes.empty()) {
    const auto written = ::write(fd_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    require(written >= 0, what, ": cannot spool to ", folder_, ": ", std::strerror(errno),
            "; set TMPDIR to a place with room");
    size_ += static_cast<uint64_t>(written);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void TemporaryFile::read(uint64_t from, std::span<std::byte> to, std::string_view what) const {
  while (!to.empty()) {
    const auto n = ::pread(fd_, to.data(), to.size(), static_cast<off_t>(from));
    if (n < 0 && errno == EINTR) continue;
    require(n > 0, what, ": cannot read what was spooled to ", folder_, ": ",
            n < 0 ? std::strerror(errno) : "it has become shorter");
    from += static_cast<uint64_t>(n);
    to = to.subspan(static_cast<std::size_t>(n));
  }
}

}  // namespace storm
