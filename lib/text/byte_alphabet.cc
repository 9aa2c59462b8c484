#include "text/byte_alphabet.h"

#include "text/unicode.h"

namespace storm {

const std::array<char32_t, 256>& byte_alphabet() {
  static const auto alphabet = [] {
    std::array<char32_t, 256> characters;
    char32_t next = 0x100;
    for (char32_t b = 0; b < 256; ++b) {
      const bool visible = (b > 0x20 && b < 0x7F) || (b > 0xA0 && b != 0xAD);
      characters[b] = visible ? b : next++;
    }
    return characters;
  }();
  return alphabet;
}

std::string bytes_spelled(std::string_view bytes) {
  std::string name;
  for (const char byte : bytes) append_utf8(name, byte_alphabet()[static_cast<unsigned char>(byte)]);
  return name;
}

std::optional<std::string> bytes_of_name(std::string_view name) {
  static const auto byte_of = [] {
    std::array<int16_t, 0x200> bytes;
    bytes.fill(-1);
    for (std::size_t b = 0; b < 256; ++b) bytes[byte_alphabet()[b]] = static_cast<int16_t>(b);
    return bytes;
  }();
  std::string bytes;
  for (std::size_t at = 0; at < name.size();) {
    const char32_t c = next_code_point(name, at);
    if (c >= byte_of.size() || byte_of[c] < 0) return {};
    bytes += static_cast<char>(byte_of[c]);
  }
  return bytes;
}

}  // namespace storm
