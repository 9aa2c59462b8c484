#include "text/line_encoder.h"

#include <algorithm>
#include <cstring>

#include "text/protobuf.h"

namespace storm {

namespace {

constexpr std::string_view kSpace = "\u2581";  // what SentencePiece turns spaces into
constexpr int kMostPairBits = 16;

uint64_t load64(const char* bytes) {
  uint64_t value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

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

WordRule word_rule(std::string_view model) {
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

void LineEncoder::append(std::string_view line, std::vector<int32_t>& ids, std::vector<ByteRange>* ranges) {
  if (ranges) {
    vocabulary_.encode(line, found_, &found_ranges_);
    ids.insert(ids.end(), found_.begin(), found_.end());
    ranges->insert(ranges->end(), found_ranges_.begin(), found_ranges_.end());
    return;
  }
  const auto before = ids.size();
  if (rule_ != WordRule::none && append_words(line, ids)) return;
  ids.resize(before);
  vocabulary_.encode(line, found_);
  ids.insert(ids.end(), found_.begin(), found_.end());
}

// False where the rule does not hold for this line.
bool LineEncoder::append_words(std::string_view line, std::vector<int32_t>& ids) {
  if (line.empty()) return true;
  while (true) {
    const auto length = std::min(line.find(' '), line.size());
    if (length == 0 ? rule_ == WordRule::joined : !append_word(line.substr(0, length), ids)) return false;
    if (length == line.size()) return true;
    line.remove_prefix(length + 1);
  }
}

// The two entries where this word may be.
std::span<LineEncoder::Entry> LineEncoder::places(const Key& key) {
  uint64_t hash = 0;
  for (std::size_t i = 0; i < key.size(); i += 8) {
    hash = (hash ^ load64(&key[i])) * 0x9e3779b97f4a7c15u;
    hash ^= hash >> 32;
  }
  return std::span(entries_).subspan(hash >> (64 - pair_bits_) << 1, 2);
}

void LineEncoder::grow() {
  const auto old = std::exchange(entries_, std::vector<Entry>(std::size_t{2} << ++pair_bits_));
  for (const Entry& entry : old) {
    const auto pair = places(entry.key);
    if (entry.key.back()) pair[pair[0].key.back() ? 1 : 0] = entry;
  }
  remembered_ = old.size() / 2;
}

bool LineEncoder::append_word(std::string_view word, std::vector<int32_t>& ids) {
  Key key{};
  if (word.size() >= key.size()) return append_new(word, ids);
  std::memcpy(key.data(), word.data(), word.size());
  key.back() = static_cast<char>(word.size());
  if (remembered_ >= entries_.size() / 2 && pair_bits_ < kMostPairBits) grow();
  const auto pair = places(key);
  if (pair[0].key != key) {
    std::swap(pair[0], pair[1]);
    if (pair[0].key != key) {
      if (!append_new(word, ids)) return false;
      if (found_.size() > pair[0].ids.size()) return true;
      pair[0].key = key;
      pair[0].count = static_cast<int32_t>(found_.size());
      std::copy(found_.begin(), found_.end(), pair[0].ids.begin());
      ++remembered_;
      return true;
    }
  }
  ids.insert(ids.end(), pair[0].ids.begin(), pair[0].ids.begin() + pair[0].count);
  return true;
}

bool LineEncoder::append_new(std::string_view word, std::vector<int32_t>& ids) {
  if (word.find(kSpace) != word.npos) return false;
  vocabulary_.encode(word, found_);
  ids.insert(ids.end(), found_.begin(), found_.end());
  return true;
}

}  // namespace storm
