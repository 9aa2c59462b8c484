// Which words the pieces of a sentence belong to.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
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

// The words of each piece by the bytes of the line that it stands for (tokenize --offsets), whatever the vocabulary's
// marks: what spaces, TABs and CRs separate. A piece of spaces alone belongs to the word that follows it, or to none.
// begins, ends: [pieces], as a stream has them.
std::vector<PieceWords> words_of(std::string_view line, std::span<const int32_t> begins, std::span<const int32_t> ends);

// How many words a line has.
int64_t word_count(std::string_view line);

// The same, as groups of pieces: where each begins, and its text as the line has it.
struct PlacedWords {
  std::vector<std::size_t> starts;  // pieces
  std::vector<std::string> texts;
};
PlacedWords placed_words(std::string_view line, std::span<const int32_t> begins, std::span<const int32_t> ends);

// The words of each piece, which are given by name, without BOS and EOS; byte pieces ("<0xE2>") stand for their bytes.
std::vector<PieceWords> words_of(std::span<const std::string> pieces);

}  // namespace storm
