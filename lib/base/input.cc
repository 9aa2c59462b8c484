#include "base/input.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace storm {

namespace {
constexpr std::size_t kBuffer = 1 << 16;
}

Input::Input(const std::string& path) : name_(path == "-" ? "standard input" : path), buffer_(kBuffer) {
  fd_ = path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  require(fd_ >= 0, path, ": cannot open: ", std::strerror(errno));
}

Input::Input(Input&& other) noexcept
    : name_(std::move(other.name_)),
      fd_(std::exchange(other.fd_, -1)),
      offset_(other.offset_),
      buffer_(std::move(other.buffer_)),
      begin_(std::exchange(other.begin_, 0)),
      end_(std::exchange(other.end_, 0)) {}

Input::~Input() {
  if (fd_ > STDIN_FILENO) ::close(fd_);
}

bool Input::fill() {
  begin_ = end_ = 0;
  return fill_more();
}

bool Input::fill_more() {
  ssize_t n;
  do n = ::read(fd_, buffer_.data() + end_, buffer_.size() - end_);
  while (n < 0 && errno == EINTR);
  require(n >= 0, name_, ": byte ", offset_ + end_ - begin_, ": cannot read: ", std::strerror(errno));
  end_ += static_cast<std::size_t>(n);
  return n > 0;
}

std::string_view Input::peek(std::size_t n) {
  if (begin_ + n > buffer_.size()) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  while (end_ - begin_ < n && fill_more()) continue;
  return {buffer_.data() + begin_, end_ - begin_};
}

std::size_t Input::read(std::span<std::byte> out) {
  std::size_t done = 0;
  while (done < out.size() && (begin_ < end_ || fill())) {
    const auto n = std::min(out.size() - done, end_ - begin_);
    std::memcpy(out.data() + done, buffer_.data() + begin_, n);
    begin_ += n;
    done += n;
    offset_ += n;
  }
  return done;
}

bool Input::read_line(std::string& line, std::size_t max_bytes, bool* cut) {
  line.clear();
  if (cut) *cut = false;
  bool found = false;
  while (begin_ < end_ || fill()) {
    found = true;
    const char* from = buffer_.data() + begin_;
    const auto* newline = static_cast<const char*>(std::memchr(from, '\n', end_ - begin_));
    const auto n = newline ? static_cast<std::size_t>(newline - from) : end_ - begin_;
    const auto keep = std::min(n, max_bytes - line.size());
    line.append(from, keep);
    if (keep < n && cut) *cut = true;
    const auto used = n + (newline ? 1 : 0);
    begin_ += used;
    offset_ += used;
    if (newline) return true;
  }
  return found;
}

bool Input::would_block() {
  if (begin_ < end_) return false;
  pollfd p{fd_, POLLIN, 0};
  return ::poll(&p, 1, 0) == 0;
}

std::string read_all(Input& input) {
  std::string all;
  char chunk[1 << 16];
  while (const auto n = input.read(std::as_writable_bytes(std::span(chunk)))) all.append(chunk, n);
  return all;
}

std::string read_file(const std::string& path) {
  Input input(path);
  return read_all(input);
}

}  // namespace storm
