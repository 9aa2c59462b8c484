// Values that are put in any order and read in the order of their places: a permutation within a budget of memory. What
// does not fit is cut by place into parts, each a file, of which one at a time is in memory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "base/buffer.h"
#include "base/temporary_file.h"
#include "ngram/sequence.h"

namespace storm {

template <class Value>
class Rearranged {
  static_assert(std::is_trivially_copyable_v<Value>);

 public:
  // size: how many places there are. A place that nothing is put in has a value of zero bits.
  Rearranged(uint64_t size, std::size_t budget) : size_(size) {
    const auto fits = std::max<uint64_t>(budget / sizeof(Value), 1);
    if (size_ <= fits) {
      part_size_ = std::max<uint64_t>(size_, 1);
      values_ = Buffer(size_ * sizeof(Value));
      return;
    }
    // Half for the part that is read, half for what waits to be written.
    part_size_ = std::max<uint64_t>(fits / 2, uint64_t{1} << 12);
    for (uint64_t first = 0; first < size_; first += part_size_)
      parts_.emplace_back(std::clamp<std::size_t>(budget / 2 / (size_ / part_size_ + 1), 1 << 12, 1 << 18));
  }

  void put(uint64_t place, const Value& value) {
    if (parts_.empty())
      values_.as<Value>()[place] = value;
    else
      parts_[place / part_size_].push({static_cast<uint32_t>(place % part_size_), value});
  }

  // The next place's value, from the first one on; nothing is put any more. Call it `size` times.
  const Value& next() {
    if (!parts_.empty() && at_ % part_size_ == 0) load();
    return values_.as<Value>()[parts_.empty() ? at_++ : at_++ % part_size_];
  }

 private:
  struct Placed {
    uint32_t place;
    Value value;
  };
  void load() {
    values_ = Buffer();
    values_ = Buffer(part_size_ * sizeof(Value));
    auto& part = parts_[at_ / part_size_];
    part.rewind();
    while (const auto* record = part.next()) values_.as<Value>()[record->place] = record->value;
    part = Sequence<Placed>();  // its file goes
  }

  uint64_t size_, part_size_ = 0, at_ = 0;
  Buffer values_;
  std::vector<Sequence<Placed>> parts_;
};

}  // namespace storm
