// Which words the pieces of a sentence belong to.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace storm {

// A word is what SentencePiece's marks for spaces (U+2581) separate, as an index from 0. Most pieces are a part of one
// word; a piece that spans spaces has several. A mark that stands alone belongs to the word that follows it, or to
// none.
struct PieceWords {
  int32_t first = 0, count = 0;
  bool operator==(const PieceWords&) const = default;
};

// What a piece stands for: its name, or of a byte piece ("<0xE2>") the byte.
std::string piece_bytes(const std::string& piece);

// The words of each piece, which are given by name, without BOS and EOS; byte pieces ("<0xE2>") stand for their bytes.
std::vector<PieceWords> words_of(std::span<const std::string> pieces);

}  // namespace storm
