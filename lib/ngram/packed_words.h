// The words of an n-gram, packed into bits so that comparing the bits compares the words, first word first.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace storm {

constexpr int kMostOrder = 7;        // words of an n-gram at most
constexpr int kMostWordBits = 27;    // of a word's number
constexpr int kMostPackedWords = 6;  // of 32 bits: seven words of 27 bits fit

// K numbers of 32 bits hold words of `bits` bits each, the first one in the highest bits.
template <int K>
struct PackedWords {
  std::array<uint32_t, K> parts{};

  static constexpr int kDigits = 4 * K;  // bytes, the most significant first
  uint32_t digit(int d) const { return parts[static_cast<std::size_t>(d / 4)] >> (24 - 8 * (d % 4)) & 255; }

  void put(int place, int bits, uint32_t word) {
    const int at = place * bits, off = at % 32;
    const auto part = static_cast<std::size_t>(at / 32);
    const uint64_t two = static_cast<uint64_t>(word) << (64 - off - bits);
    parts[part] |= static_cast<uint32_t>(two >> 32);
    if constexpr (K > 1) parts[std::min<std::size_t>(part + 1, K - 1)] |= static_cast<uint32_t>(two);
  }
  uint32_t word(int place, int bits) const {
    const int at = place * bits, off = at % 32;
    const auto part = static_cast<std::size_t>(at / 32);
    const uint64_t first = parts[part], second = parts[std::min<std::size_t>(part + 1, K - 1)];
    return static_cast<uint32_t>((first << 32 | second) << off >> (64 - bits));
  }
  static PackedWords of(std::span<const uint32_t> words, int bits) {
    PackedWords packed;
    for (int place = 0; const uint32_t word : words) packed.put(place++, bits, word);
    return packed;
  }
  auto operator<=>(const PackedWords&) const = default;
};

// How many numbers of 32 bits hold this many words.
constexpr int packed_parts(int words, int bits) { return std::max(1, (words * bits + 31) / 32); }

// Calls body(std::integral_constant<int, K>) for the K of so many words.
template <class Body>
decltype(auto) with_packed_parts(int words, int bits, Body&& body) {
  const int k = packed_parts(words, bits);
  if (k == 1) return body(std::integral_constant<int, 1>());
  if (k == 2) return body(std::integral_constant<int, 2>());
  if (k == 3) return body(std::integral_constant<int, 3>());
  if (k == 4) return body(std::integral_constant<int, 4>());
  if (k == 5) return body(std::integral_constant<int, 5>());
  return body(std::integral_constant<int, 6>());
}

}  // namespace storm
