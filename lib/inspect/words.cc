#include "inspect/words.h"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace storm {

namespace {

constexpr std::string_view kSpace = "\xE2\x96\x81";
constexpr std::string_view kSpaces = " \t\r";  // what separates words of a line

}  // namespace

std::string piece_bytes(const std::string& piece) {
  if (piece.size() != 6 || !piece.starts_with("<0x") || piece[5] != '>') return piece;
  uint8_t byte = 0;
  const auto [end, error] = std::from_chars(piece.data() + 3, piece.data() + 5, byte, 16);
  return error == std::errc{} && end == piece.data() + 5 ? std::string(1, static_cast<char>(byte)) : piece;
}

std::vector<PieceWords> words_of(std::string_view line, std::span<const int32_t> begins,
                                 std::span<const int32_t> ends) {
  std::vector<int32_t> before{0};  // how many words begin before each byte, and in all
  const auto is_space = [&](std::size_t i) { return kSpaces.find(line[i]) != kSpaces.npos; };
  for (std::size_t i = 0; i < line.size(); ++i)
    before.push_back(before.back() + (!is_space(i) && (i == 0 || is_space(i - 1))));
  std::vector<PieceWords> words;
  for (std::size_t p = 0; p < begins.size(); ++p) {
    auto begin = static_cast<std::size_t>(begins[p]), end = static_cast<std::size_t>(ends[p]);
    while (begin < end && is_space(begin)) ++begin;
    while (begin < end && is_space(end - 1)) --end;
    if (begin < end) {
      words.push_back({before[begin + 1] - 1, before[end] - before[begin + 1] + 1});
      continue;
    }
    const bool inside = end > 0 && end < line.size() && !is_space(end - 1) && !is_space(end);
    const int32_t word = before[end] - inside;
    words.push_back(word < before.back() ? PieceWords{word, 1} : PieceWords{});
  }
  return words;
}

int64_t word_count(std::string_view line) {
  int64_t words = 0;
  for (std::size_t at = line.find_first_not_of(kSpaces); at != line.npos; ++words)
    at = line.find_first_not_of(kSpaces, line.find_first_of(kSpaces, at));
  return words;
}

PlacedWords placed_words(std::string_view line, std::span<const int32_t> begins, std::span<const int32_t> ends) {
  PlacedWords placed;
  const auto words = words_of(line, begins, ends);
  int32_t last = -1;         // word of the pieces so far
  std::size_t end_byte = 0;  // of the text so far
  for (std::size_t p = 0; p < words.size(); ++p) {
    const auto [first, count] = words[p];
    if (p == 0 || (count > 0 && first > last)) {
      placed.starts.push_back(p);
      placed.texts.emplace_back();
      end_byte = std::min(line.find_first_not_of(kSpaces, end_byte), line.size());
    }
    for (; count > 0 && last < first + count - 1; ++last) {
      const auto begin = std::min(line.find_first_not_of(kSpaces, end_byte), line.size());
      const auto end = std::min(line.find_first_of(kSpaces, begin), line.size());
      placed.texts.back().append(line.substr(end_byte, end - end_byte));
      end_byte = end;
    }
  }
  return placed;
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
