#include "base/buffer.h"

#include <sys/mman.h>

#include <utility>

#include "base/error.h"

namespace storm {

Buffer::Buffer(std::size_t bytes) {
  if (bytes == 0) return;
  constexpr std::size_t huge = std::size_t{2} << 20;
  const std::size_t size = bytes >= huge ? (bytes + huge - 1) / huge * huge : bytes;
  void* at = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  require(at != MAP_FAILED, "out of memory: ", bytes >> 20,
          " MiB asked for; lower --max-tokens, or make the model or the tables smaller");
  ::madvise(at, size, MADV_HUGEPAGE);  // a wish: without huge pages it is slower, not wrong
  data_ = static_cast<std::byte*>(at);
  size_ = size;
}

Buffer::~Buffer() {
  if (data_) ::munmap(data_, size_);
}

Buffer::Buffer(Buffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

void Buffer::grow(std::size_t bytes) {
  if (bytes <= size_) return;
  *this = Buffer();  // the old memory goes first, so that both never exist together
  *this = Buffer(bytes);
}

void Buffer::discard(std::size_t begin, std::size_t bytes) {
  constexpr std::size_t page = 4096;
  const std::size_t first = (begin + page - 1) / page * page, last = (begin + bytes) / page * page;
  if (first < last) ::madvise(data_ + first, last - first, MADV_DONTNEED);
}

void Buffer::use_small_pages() {
  if (data_) ::madvise(data_, size_, MADV_NOHUGEPAGE);
}

}  // namespace storm
