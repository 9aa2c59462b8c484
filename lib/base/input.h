// Buffered reading from a file or from standard input, with the byte offset for error messages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace storm {

class Input {
 public:
  // path "-" is standard input. Throws Error when the file cannot be opened.
  explicit Input(const std::string& path);
  ~Input();
  Input(Input&& other) noexcept;
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;
  Input& operator=(Input&&) = delete;

  const std::string& name() const { return name_; }  // the path, or "standard input"
  uint64_t offset() const { return offset_; }        // bytes consumed so far
  int fd() const { return fd_; }

  // Reads up to out.size() bytes; returns how many, less only at the end of the input.
  std::size_t read(std::span<std::byte> out);

  // The next line without its '\n' (a '\r' before it is kept); false at the end. A last line needs no '\n'.
  // Lines longer than max_bytes are cut there, the rest is skipped, and *cut (if given) is set.
  bool read_line(std::string& line, std::size_t max_bytes = SIZE_MAX, bool* cut = nullptr);

  // What comes next, without taking it: at least n bytes (up to 64 KiB), fewer only at the end of the input.
  std::string_view peek(std::size_t n);

  // True when nothing is buffered and a read would have to wait for the writer (a pipe or a terminal).
  bool would_block();

 private:
  bool fill();       // refills the empty buffer; false at the end
  bool fill_more();  // reads behind what is buffered

  std::string name_;
  int fd_ = -1;
  uint64_t offset_ = 0;
  std::vector<char> buffer_;
  std::size_t begin_ = 0, end_ = 0;
};

// Everything that is left, as one string.
std::string read_all(Input& input);
std::string read_file(const std::string& path);

}  // namespace storm
