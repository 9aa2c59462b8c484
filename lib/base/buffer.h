// A run of memory from the system: zeroed, aligned to a page, in huge pages where the kernel gives them.
#pragma once

#include <cstddef>
#include <span>

namespace storm {

class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::size_t bytes);  // throws Error that says how much was asked for
  ~Buffer();
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;

  std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }
  // The memory as `count` values of T.
  template <class T>
  std::span<T> as() const {
    return {reinterpret_cast<T*>(data_), size_ / sizeof(T)};
  }
  // Makes room for at least `bytes`; what was in it is lost when it has to grow.
  void grow(std::size_t bytes);
  // Gives the whole pages of a stretch back to the system; what was in it is lost. use_small_pages() goes before, where
  // little stays of much: a huge page is there as a whole.
  void discard(std::size_t begin, std::size_t bytes);
  void use_small_pages();

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace storm
