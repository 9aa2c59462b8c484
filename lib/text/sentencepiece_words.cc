#include "text/sentencepiece_words.h"

#include <cstdint>
#include <cstring>
#include <vector>

#include "text/protobuf.h"

namespace storm {

namespace {

constexpr std::string_view kSpace = "\u2581";  // what SentencePiece turns spaces into

// Whether a rule of the character map may read beyond a space, or write one that the words' own do not account for.
// The map is the size of a trie, the trie, and the texts that it leads to. A unit of the trie has its label in the low
// 8 bits (bit 31 marks texts), and its children at its place XOR its offset XOR their labels.
bool spaces_stand_alone(std::string_view map) {
  if (map.empty()) return true;
  if (map.size() < 4) return false;
  uint32_t bytes;
  std::memcpy(&bytes, map.data(), sizeof bytes);
  if (bytes > map.size() - 4 || bytes % 4 != 0) return false;
  const auto texts = map.substr(4 + bytes);
  if (texts.find("  ") != texts.npos || texts.find(kSpace) != texts.npos) return false;
  std::vector<uint32_t> units(bytes / 4);
  std::memcpy(units.data(), map.data() + 4, bytes);
  for (uint32_t i = 0; i < units.size(); ++i) {
    const uint32_t unit = units[i], offset = unit >> 10 << ((unit & 1u << 9) >> 6), child = i ^ offset ^ ' ';
    if (!(unit >> 31) && child < units.size() && (units[child] & 0x800000ff) == ' ') return false;
  }
  return true;
}

}  // namespace

WordRule sentencepiece_word_rule(std::string_view model) {
  constexpr uint64_t kBpe = 2, kNormal = 1, kUserDefined = 4, kUnused = 5;
  uint64_t model_type = 1, suffix = 0, dummy_prefix = 1, collapse = 1, escape = 1;
  std::string_view map;
  bool inner_space = false, unused = false, space = false;
  bool valid = true;
  const auto piece = [&](std::string_view message) {
    std::string_view text;
    uint64_t type = kNormal;
    valid &= each_field(message, [&](uint64_t number, uint64_t value, std::string_view bytes) {
      if (number == 1) text = bytes;
      if (number == 3) type = value;
    });
    inner_space |= text.find(' ') != text.npos || text.find(kSpace, 1) != text.npos;
    unused |= type == kUnused;
    space |= text == kSpace && (type == kNormal || type == kUserDefined);
  };
  const auto trainer = [&](uint64_t number, uint64_t value, std::string_view) {
    if (number == 3) model_type = value;
    if (number == 24) suffix = value;
  };
  const auto normalizer = [&](uint64_t number, uint64_t value, std::string_view bytes) {
    if (number == 2) map = bytes;
    if (number == 3) dummy_prefix = value;
    if (number == 4) collapse = value;
    if (number == 5) escape = value;
  };
  valid &= each_field(model, [&](uint64_t number, uint64_t, std::string_view bytes) {
    if (number == 1) piece(bytes);
    if (number == 2) valid &= each_field(bytes, trainer);
    if (number == 3) valid &= each_field(bytes, normalizer);
  });
  if (!valid || model_type != kBpe || suffix || !dummy_prefix || !escape || inner_space || unused || !space ||
      !spaces_stand_alone(map))
    return WordRule::none;
  return collapse ? WordRule::collapsed : WordRule::joined;
}

}  // namespace storm
