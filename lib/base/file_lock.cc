#include "base/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace storm {

bool try_lock(int fd) { return ::flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK; }

FileLock::FileLock(std::string path, const std::string& refusal) : path_(std::move(path)) {
  for (bool ours = false; !ours;) {
    fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    require(fd_ >= 0, path_, ": cannot write: ", std::strerror(errno));
    const bool held = !try_lock(fd_);
    // Between opening and locking, whoever held it may have removed the file.
    struct stat opened {
    }, named{};
    ours = !held && ::fstat(fd_, &opened) == 0 && ::stat(path_.c_str(), &named) == 0 && opened.st_ino == named.st_ino &&
           opened.st_dev == named.st_dev;
    if (!ours) ::close(fd_);
    require(!held, refusal);
  }
}

FileLock::~FileLock() {
  ::unlink(path_.c_str());
  ::close(fd_);
}

}  // namespace storm
