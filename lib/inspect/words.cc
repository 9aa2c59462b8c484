#include "inspect/words.h"

#include <charconv>
#include <string_view>

namespace storm {

namespace {

constexpr std::string_view kSpace = "\xE2\x96\x81";

}  // namespace

std::string piece_bytes(const std::string& piece) {
  if (piece.size() != 6 || !piece.starts_with("<0x") || piece[5] != '>') return piece;
  uint8_t byte = 0;
  const auto [end, error] = std::from_chars(piece.data() + 3, piece.data() + 5, byte, 16);
  return error == std::errc{} && end == piece.data() + 5 ? std::string(1, static_cast<char>(byte)) : piece;
}

std::vector<PieceWords> words_of(std::span<const std::string> pieces) {
  std::string text;
  std::vector<std::size_t> owner;  // of each byte
  for (std::size_t p = 0; p < pieces.size(); ++p) {
    text += piece_bytes(pieces[p]);
    owner.resize(text.size(), p);
  }
  std::vector<PieceWords> words(pieces.size());
  int32_t word = -1;
  std::size_t alone = 0;  // pieces before this one have their word, or are marks alone
  bool begins = true;
  for (std::size_t i = 0; i < text.size();) {
    if (std::string_view(text).substr(i).starts_with(kSpace)) {
      begins = true;
      i += kSpace.size();
      continue;
    }
    word += begins;
    begins = false;
    for (; alone < owner[i]; ++alone)
      if (words[alone].count == 0) words[alone] = {word, 1};
    auto& own = words[owner[i]];
    if (own.count == 0) own.first = word;
    own.count = word - own.first + 1;
    ++i;
  }
  return words;
}

}  // namespace storm
