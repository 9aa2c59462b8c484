// Streams made by hand, for tests.
#pragma once

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>

#include "base/input.h"
#include "base/output.h"
#include "stream/document.h"
#include "stream/stream.h"

namespace storm::test {

// A file that is gone when the test ends.
class ScratchFile {
 public:
  explicit ScratchFile(std::string_view content = {}) {
    char name[] = "/tmp/storm-test-XXXXXX";
    const int fd = ::mkstemp(name);
    path_ = name;
    std::FILE* file = ::fdopen(fd, "wb");
    if (!content.empty()) std::fwrite(content.data(), 1, content.size(), file);
    std::fclose(file);
  }
  ~ScratchFile() { std::remove(path_.c_str()); }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// A document of this header text and so many bytes of data.
inline std::string raw_document(std::string_view json, std::string_view data = {}) {
  std::string all(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) all[i] = static_cast<char>(json.size() >> (8 * i));
  return all.append(json).append(data);
}

// What write puts into a file.
template <class Write>
std::string written(Write&& write) {
  const ScratchFile file;
  Output output(file.path());
  write(output);
  output.commit();
  return read_file(file.path());
}

inline std::string document_bytes(const Document& document) {
  return written([&](Output& output) { write_document(output, document); });
}

inline Document parsed(std::string_view bytes) {
  uint64_t offset = 0;
  return parse_document(std::as_bytes(std::span(bytes)), "bytes", offset);
}

}  // namespace storm::test
