#include "text/utf8.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace storm {

namespace {

// The length of the character at text[i], 0 when it is none. Table 3-7 of the Unicode standard, "Well-formed UTF-8".
std::size_t character_length(std::string_view text, std::size_t i) {
  const auto byte = [&](std::size_t k) { return i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0; };
  const auto continues = [&](std::size_t k) { return (byte(k) & 0xc0) == 0x80; };
  const int first = byte(0), second = byte(1);
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4 || !continues(1)) return 0;
  if (first < 0xe0) return 2;
  if (!continues(2) || (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f)) return 0;
  if (first < 0xf0) return 3;
  if (!continues(3) || (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f)) return 0;
  return 4;
}

}  // namespace

std::size_t valid_utf8_prefix(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    uint64_t eight;
    if (i + sizeof eight <= text.size()) {  // most text is ASCII, eight bytes at a time
      std::memcpy(&eight, text.data() + i, sizeof eight);
      if ((eight & 0x8080808080808080u) == 0) {
        i += sizeof eight;
        continue;
      }
    }
    const auto n = character_length(text, i);
    if (n == 0) break;
    i += n;
  }
  return i;
}

std::string replace_invalid_utf8(std::string_view text) {
  std::string valid;
  while (!text.empty()) {
    const auto n = valid_utf8_prefix(text);
    valid += text.substr(0, n);
    if (n < text.size()) valid += "\xef\xbf\xbd";
    text.remove_prefix(std::min(text.size(), n + 1));
  }
  return valid;
}

}  // namespace storm
