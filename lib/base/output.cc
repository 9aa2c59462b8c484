#include "base/output.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>
#include <mutex>

#include "base/error.h"

namespace storm {

namespace {

constexpr std::size_t kBuffer = 1 << 16;

std::string folder_of(const std::string& path) {
  const auto parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

// The file's data is safe only when its folder's entry is, too.
void sync_folder(const std::string& path) {
  const int fd = ::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

// Where a path leads through symbolic links: renaming onto the path itself would put a file in the link's place.
std::string target_of(std::string path) {
  namespace fs = std::filesystem;
  std::error_code failure;
  for (int links = 0; fs::is_symlink(fs::symlink_status(path, failure)); ++links) {
    require(links < 40, path, ": cannot write: ", std::strerror(ELOOP));
    const auto next = fs::read_symlink(path, failure);
    require(!failure, path, ": cannot write: ", failure.message());
    path = next.is_absolute() ? next.string() : (fs::path(path).parent_path() / next).string();
  }
  return path;
}

bool all_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// Gives a nameless file a name; false with errno.
bool link_as(int fd, const std::string& path) {
  ::unlink(path.c_str());
  const auto self = str("/proc/self/fd/", fd);
  return ::linkat(AT_FDCWD, self.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) == 0;
}

// A file without a name, or -1. That one can be given the name in the end is tried with another: a file whose only name
// was taken away gets no second one.
int nameless_file(const std::string& temporary) {
  const auto open = [&] { return ::open(folder_of(temporary).c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666); };
  const int probe = open();
  if (probe < 0) return -1;
  const bool linked = link_as(probe, temporary);
  if (linked) ::unlink(temporary.c_str());
  ::close(probe);
  return linked ? open() : -1;
}

// The files NAME.PID.tmp of a folder, by NAME, as they were when this process first wrote there: a folder that is given
// thousands of files is not read for each.
std::multimap<std::string, std::string>& temporaries(const std::string& folder) {
  static std::map<std::string, std::multimap<std::string, std::string>> folders;
  const auto [found, is_new] = folders.try_emplace(folder);
  std::error_code failure;
  if (is_new)
    for (const auto& entry : std::filesystem::directory_iterator(folder, failure)) {
      const auto process = entry.path().stem();  // NAME.PID
      if (entry.path().extension() == ".tmp" && all_digits(process.extension().string().erase(0, 1)))
        found->second.emplace(process.stem().string(), entry.path().string());
    }
  return found->second;
}

// PATH.PID.tmp that a killed process left. Who still writes one holds its lock.
void remove_abandoned(const std::string& path) {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  auto& all = temporaries(folder_of(path));
  const auto [begin, end] = all.equal_range(std::filesystem::path(path).filename().string());
  for (auto it = begin; it != end; it = all.erase(it)) {
    const int fd = ::open(it->second.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) continue;
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0) ::unlink(it->second.c_str());
    ::close(fd);
  }
}

}  // namespace

Output::Output(const std::string& path) : name_(path == "-" ? "standard output" : path), path_(path) {
  buffer_.reserve(kBuffer);
  if (path == "-") {
    fd_ = STDOUT_FILENO;
    return;
  }
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) {
    require(!S_ISDIR(info.st_mode), path, ": cannot write: is a directory");
    fd_ = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);  // a device or a named pipe: nothing to rename
    require(fd_ >= 0, path, ": cannot write: ", std::strerror(errno));
    path_ = "-";
    return;
  }
  const bool there = S_ISREG(info.st_mode);
  path_ = target_of(path);
  remove_abandoned(path_);
  fd_ = nameless_file(temporary_path());
  if (fd_ < 0) {  // not every file system has nameless files, nor every name is one that a file can have
    temporary_ = temporary_path();
    fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd_ < 0) {
      const int why = errno;
      temporary_.clear();  // it is not ours to remove
      fail(path, ": cannot write: ", std::strerror(why));
    }
  }
  ::flock(fd_, LOCK_EX | LOCK_NB);
  if (there) ::fchmod(fd_, info.st_mode & 07777);  // who could read the file, and who could not, stays so
}

std::string Output::temporary_path() const { return str(path_, ".", ::getpid(), ".tmp"); }

Output::~Output() {
  if (fd_ > STDERR_FILENO) ::close(fd_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void Output::put(const std::byte* data, std::size_t size) {
  while (size > 0) {
    const ssize_t n = ::write(fd_, data, size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EPIPE) throw ClosedPipe(name_);
    require(n >= 0, name_, ": byte ", offset_, ": cannot write: ", std::strerror(errno));
    data += n;
    size -= static_cast<std::size_t>(n);
    offset_ += static_cast<std::size_t>(n);
  }
}

void Output::write(std::span<const std::byte> bytes) {
  if (buffer_.size() + bytes.size() > kBuffer) flush();
  if (bytes.size() > kBuffer)
    put(bytes.data(), bytes.size());
  else
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
}

void Output::flush() {
  put(buffer_.data(), buffer_.size());
  buffer_.clear();
}

void Output::commit() {
  flush();
  if (path_ == "-") return;
  require(::fsync(fd_) == 0, name_, ": cannot write: ", std::strerror(errno));
  if (temporary_.empty()) {
    temporary_ = temporary_path();
    require(link_as(fd_, temporary_), name_, ": cannot write: ", std::strerror(errno));
  }
  require(::rename(temporary_.c_str(), path_.c_str()) == 0, name_, ": cannot write: ", std::strerror(errno));
  temporary_.clear();
  sync_folder(path_);
  ::close(fd_);
  fd_ = -1;
}

}  // namespace storm
