#include "data/spool.h"

#include <sys/stat.h>
#include <unistd.h>

#include <vector>

#include "base/error.h"
#include "base/input.h"
#include "base/temporary_file.h"
#include "stream/document.h"

namespace storm {

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
  TemporaryFile file(input.name());
  std::vector<std::byte> block(1 << 20);
  while (const auto n = input.read(block))
    file.append(std::span(block).first(n), str(input.name(), ": byte ", input.offset()));
  return MappedFile(file.fd(), input.name());
}

}  // namespace storm
