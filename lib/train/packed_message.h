// Numbers, texts and lists of them one after another, as they lie in memory: for messages between processes of one
// program.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace storm {

class PackedMessage {
 public:
  PackedMessage() = default;
  explicit PackedMessage(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {}
  std::vector<std::byte>& bytes() { return bytes_; }

  template <class... T>
  void put(const T&... x) {
    (put_one(x), ...);
  }
  // In the order in which they were put.
  template <class... T>
  void take(T&... x) {
    (take_one(x), ...);
  }

 private:
  template <class T>
  static constexpr bool kPlain = std::is_arithmetic_v<T>;

  void put_bytes(const void* data, std::size_t n) {
    const auto* bytes = static_cast<const std::byte*>(data);
    bytes_.insert(bytes_.end(), bytes, bytes + n);
  }
  void take_bytes(void* data, std::size_t n) {
    if (n > 0) std::memcpy(data, bytes_.data() + at_, n);
    at_ += n;
  }
  template <class T>
  void put_one(const T& x) {
    if constexpr (kPlain<T>) {
      put_bytes(&x, sizeof(T));
    } else {
      put_one(x.size());
      if constexpr (kPlain<typename T::value_type>)
        put_bytes(x.data(), x.size() * sizeof(typename T::value_type));
      else
        for (const auto& one : x) put_one(one);
    }
  }
  template <class T>
  void take_one(T& x) {
    if constexpr (kPlain<T>) {
      take_bytes(&x, sizeof(T));
    } else {
      std::size_t n = 0;
      take_one(n);
      x.resize(n);
      if constexpr (kPlain<typename T::value_type>)
        take_bytes(x.data(), n * sizeof(typename T::value_type));
      else
        for (auto& one : x) take_one(one);
    }
  }

  std::vector<std::byte> bytes_;
  std::size_t at_ = 0;
};

}  // namespace storm
