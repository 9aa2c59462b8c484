// Text as sacreBLEU sees it: code points, the classes its tokenisers ask for, and Python's lower-casing. All text is
// valid UTF-8 (text/utf8.h); nothing here depends on the locale.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace storm {

// How many bytes the character has that begins with this byte, in valid UTF-8.
inline int utf8_length(char lead) {
  const auto b = static_cast<unsigned char>(lead);
  return b < 0x80 ? 1 : b < 0xE0 ? 2 : b < 0xF0 ? 3 : 4;
}

// The code point at text[at]; at moves behind it.
inline char32_t next_code_point(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<char32_t>(static_cast<unsigned char>(text[at + i])); };
  const char32_t b = byte(0);
  const int n = utf8_length(text[at]);
  const char32_t c = n == 1   ? b
                     : n == 2 ? (b & 0x1F) << 6 | (byte(1) & 0x3F)
                     : n == 3 ? (b & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F)
                              : (b & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F);
  at += static_cast<std::size_t>(n);
  return c;
}

// Where the character begins that ends at text[end], which is not the first place.
inline std::size_t character_before(std::string_view text, std::size_t end) {
  do --end;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80);
  return end;
}

void append_utf8(std::string& text, char32_t c);

enum class CharClass : uint8_t { other, punctuation, symbol, number };  // \p{P}, \p{S}, \p{N}
CharClass char_class(char32_t c);

// Python's str.isspace: what strip and split take away.
constexpr bool is_space(char32_t c) {
  if (c < 0x80) return (c >= 9 && c <= 13) || (c >= 28 && c <= 32);
  return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
         c == 0x202F || c == 0x205F || c == 0x3000;
}

// Bytes of the space character at text[at], 0 if another character is there.
inline int space_at(std::string_view text, std::size_t at) {
  const auto b = static_cast<unsigned char>(text[at]);
  if (b < 0x80) return is_space(b);
  if (b != 0xC2 && (b < 0xE1 || b > 0xE3)) return 0;  // no other byte leads a space
  std::size_t end = at;
  return is_space(next_code_point(text, end)) ? static_cast<int>(end - at) : 0;
}

std::string_view strip_right(std::string_view text);             // Python's str.rstrip()
std::string_view strip(std::string_view text);                   // Python's str.strip()
std::vector<std::string> split_at_space(std::string_view text);  // Python's str.split()

char32_t lower_of(char32_t c);  // its lower case where that is one code point, else itself
// Python's str.lower(), final sigma included; out is overwritten.
void lower_case(std::string_view text, std::string& out);

}  // namespace storm
