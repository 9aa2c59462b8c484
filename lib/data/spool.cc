#include "data/spool.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "base/input.h"
#include "stream/document.h"

namespace storm {

namespace {

struct Descriptor {
  int fd;
  ~Descriptor() { ::close(fd); }
};

int nameless_file(const std::string& folder) {
  if (const int fd = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600); fd >= 0) return fd;
  std::string path = folder + "/storm-XXXXXX";  // not every file system has nameless files
  const int fd = ::mkostemp(path.data(), O_CLOEXEC);
  require(fd >= 0, folder, ": cannot spool the input here: ", std::strerror(errno), "; set TMPDIR");
  ::unlink(path.c_str());
  return fd;
}

}  // namespace

MappedFile map_or_spool(const std::string& path, Spooled what) {
  Input input(path);
  struct stat info {};
  const bool regular = ::fstat(input.fd(), &info) == 0 && S_ISREG(info.st_mode);
  // Standard input that somebody has read from is taken from where they stopped.
  if (regular && ::lseek(input.fd(), 0, SEEK_CUR) == 0) return MappedFile(input.fd(), input.name());
  // What is no stream is known by its first bytes, and an endless pipe would fill the disk.
  if (const auto first = std::as_bytes(std::span(input.peek(9))); what == Spooled::stream && first.size() >= 9) {
    parse_header_length(first.first<8>(), input.name(), 0);
    require_object_begins(first.subspan(8), input.name(), 0);
  }
  const char* chosen = std::getenv("TMPDIR");
  const std::string folder = chosen && *chosen ? chosen : "/tmp";
  const Descriptor file{nameless_file(folder)};
  std::vector<std::byte> block(1 << 20);
  while (const auto n = input.read(block)) {
    for (std::size_t done = 0; done < n;) {
      const auto written = ::write(file.fd, block.data() + done, n - done);
      if (written < 0 && errno == EINTR) continue;
      require(written >= 0, input.name(), ": byte ", input.offset(), ": cannot spool to ", folder, ": ",
              std::strerror(errno), "; set TMPDIR to a place with room");
      done += static_cast<std::size_t>(written);
    }
  }
  return MappedFile(file.fd, input.name());
}

}  // namespace storm
