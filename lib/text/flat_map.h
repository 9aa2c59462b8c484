// A hash map from 64-bit keys to small values, in one block of memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace storm {

// A key of two ids, which are not negative.
inline uint64_t pair_key(int32_t left, int32_t right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}

// Keys are anything but ~0. Grows by itself; nothing can be taken out.
template <class Value>
class FlatMap {
 public:
  std::size_t size() const { return size_; }

  const Value* find(uint64_t key) const {
    const auto& slot = slots_[place(key)];
    return slot.key == key ? &slot.value : nullptr;
  }
  Value* find(uint64_t key) { return const_cast<Value*>(std::as_const(*this).find(key)); }

  // The value of the key, a fresh one where there was none.
  Value& operator[](uint64_t key) {
    auto at = place(key);
    if (slots_[at].key == key) return slots_[at].value;
    if (++size_ * 2 > slots_.size()) {
      resize(slots_.size() * 2);
      at = place(key);
    }
    slots_[at].key = key;
    return slots_[at].value;
  }

 private:
  static constexpr uint64_t kNone = ~uint64_t{0};
  struct Slot {
    uint64_t key = kNone;
    Value value{};
  };

  // Where the key is, or would go (linear probing).
  std::size_t place(uint64_t key) const {
    uint64_t hash = key * 0x9e3779b97f4a7c15u;
    hash ^= hash >> 32;
    const auto mask = slots_.size() - 1;
    auto at = hash & mask;
    while (slots_[at].key != key && slots_[at].key != kNone) at = (at + 1) & mask;
    return at;
  }

  void resize(std::size_t count) {
    auto old = std::exchange(slots_, std::vector<Slot>(count));
    for (auto& slot : old)
      if (slot.key != kNone) slots_[place(slot.key)] = std::move(slot);
  }

  std::vector<Slot> slots_ = std::vector<Slot>(16);
  std::size_t size_ = 0;
};

}  // namespace storm
