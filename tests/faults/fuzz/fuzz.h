// What the harnesses share. An Error is the right answer to bytes that are not what was asked for; anything else that
// is thrown, and whatever the sanitizers see, is a finding. Built and run by scripts/attack fuzz alone, with clang's
// libFuzzer.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>

#include "base/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size);
extern "C" std::size_t LLVMFuzzerMutate(uint8_t* data, std::size_t size, std::size_t most);

namespace storm::fuzz {

inline std::string_view text_of(const uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// A regular file in memory, which readers may map.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view bytes) : fd_(::memfd_create("fuzz", MFD_CLOEXEC)) {
    if (fd_ < 0 || ::write(fd_, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) std::abort();
  }
  ~MemoryFile() { ::close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  std::string path() const { return str("/proc/self/fd/", fd_); }

 private:
  int fd_;
};

// Whether read() took the bytes.
template <class Read>
bool taken(Read&& read) {
  // The tools' own handler ends with exit code 1, which libFuzzer would miss.
  [[maybe_unused]] static const auto tools_own = std::set_terminate(std::abort);
  try {
    read();
    return true;
  } catch (const Error&) {
    return false;
  }
}

// Mutates a stream, and mostly sets right what a mutation nearly always breaks: the length of the JSON text, which is
// what stands between byte 8 and its last bracket, and the spaces behind that.
inline std::size_t mutate_document(uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  size = LLVMFuzzerMutate(data, size, most);
  if (size < 9 || data[8] != '{' || seed % 8 == 0) return size;
  std::size_t end = 8;
  int depth = 0;
  for (bool quoted = false; end < size; ++end) {
    const auto c = data[end];
    if (quoted) {
      if (c == '\\') ++end;
      quoted = c != '"';
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if ((c == '}' || c == ']') && --depth == 0) {
      ++end;
      break;
    }
  }
  if (end > size) end = size;
  while (end < size && data[end] == ' ') ++end;
  for (std::size_t i = 0; i < 8; ++i) data[i] = static_cast<uint8_t>((end - 8) >> (8 * i));
  return size;
}

}  // namespace storm::fuzz
