// Words by number, found by their bytes: the bytes in one block, the numbers in an open table of their hashes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/mixed_hash.h"

namespace storm {

class WordIndex {
 public:
  int32_t size() const { return static_cast<int32_t>(ends_.size()) - 1; }
  std::string_view word(int32_t number) const {
    const auto k = static_cast<std::size_t>(number);
    return std::string_view(bytes_).substr(ends_[k], ends_[k + 1] - ends_[k]);
  }

  int32_t find(std::string_view word) const {
    return slots_[place(word, hash_of_bytes(word))].number;
  }  // -1: it has none

  // The word's number, which is the next one of a new word.
  int32_t add(std::string_view word) {
    const auto hash = hash_of_bytes(word);
    auto at = place(word, hash);
    if (slots_[at].number >= 0) return slots_[at].number;
    if (ends_.size() * 2 > slots_.size()) {
      grow();
      at = place(word, hash);
    }
    slots_[at] = {static_cast<uint32_t>(hash >> 32), size()};
    bytes_ += word;
    ends_.push_back(bytes_.size());
    return size() - 1;
  }

 private:
  struct Slot {
    uint32_t tag = 0;  // the hash's upper half: words are compared where it agrees
    int32_t number = -1;
  };

  // Where the word is, or would go.
  std::size_t place(std::string_view text, uint64_t hash) const {
    const auto mask = slots_.size() - 1;
    auto at = hash & mask;
    for (; slots_[at].number >= 0; at = (at + 1) & mask)
      if (slots_[at].tag == hash >> 32 && word(slots_[at].number) == text) break;
    return at;
  }

  void grow() {
    slots_.assign(slots_.size() * 2, {});
    for (int32_t number = 0; number < size(); ++number) {
      const auto hash = hash_of_bytes(word(number));
      slots_[place(word(number), hash)] = {static_cast<uint32_t>(hash >> 32), number};
    }
  }

  std::string bytes_;
  std::vector<uint64_t> ends_{0};
  std::vector<Slot> slots_ = std::vector<Slot>(1024);
};

}  // namespace storm
