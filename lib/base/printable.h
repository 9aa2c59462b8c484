// Text out of files, for terminals.
#pragma once

#include <string>
#include <string_view>

namespace storm {

// The text on one line, without what commands a terminal: control characters of ASCII and, as UTF-8, of Latin-1 (U+0080
// to U+009F) become `instead`.
inline std::string printable(std::string_view text, char instead = '?') {
  std::string line;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool latin = byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    line += latin || byte < ' ' || byte == 0x7f ? instead : text[i];
    i += latin;
  }
  return line;
}

}  // namespace storm
