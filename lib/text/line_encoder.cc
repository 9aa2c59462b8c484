#include "text/line_encoder.h"

#include <algorithm>
#include <cstring>

namespace storm {

namespace {

constexpr std::string_view kSpace = "\u2581";  // what SentencePiece turns spaces into
constexpr int kMostPairBits = 16;

uint64_t load64(const char* bytes) {
  uint64_t value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

// Whether the byte at line[at] begins a character that is no white space; false where it may be one.
bool begins_ink(std::string_view line, std::size_t at) {
  if (at >= line.size()) return false;
  const auto b = static_cast<unsigned char>(line[at]);
  return b < 0x80 ? b > 0x20 : b != 0xC2 && (b < 0xE1 || b > 0xE3);  // these lead the white space beyond ASCII
}

}  // namespace

void LineEncoder::append(std::string_view line, std::vector<int32_t>& ids, std::vector<ByteRange>* ranges) {
  if (ranges && !with_ranges_) forget_words_without_ranges();
  const auto before = ids.size(), ranges_before = ranges ? ranges->size() : 0;
  Sink sink{ids, ranges};
  if (rule_ != WordRule::none && (rule_ == WordRule::led ? append_led_words(line, sink) : append_words(line, sink)))
    return;
  ids.resize(before);
  vocabulary_.encode(line, found_, ranges ? &found_ranges_ : nullptr);
  ids.insert(ids.end(), found_.begin(), found_.end());
  if (!ranges) return;
  ranges->resize(ranges_before);
  ranges->insert(ranges->end(), found_ranges_.begin(), found_ranges_.end());
}

// False where the rule does not hold for this line.
bool LineEncoder::append_words(std::string_view line, Sink& sink) {
  for (std::size_t begin = 0; !line.empty(); ++begin) {
    const auto end = std::min(line.find(' ', begin), line.size());
    if (begin == end ? rule_ == WordRule::joined : !append_word(line, begin, end, sink)) return false;
    if (end == line.size()) break;
    begin = end;
  }
  return !sink.at_space || line.back() != ' ';
}

bool LineEncoder::append_led_words(std::string_view line, Sink& sink) {
  for (std::size_t begin = 0, end; begin < line.size(); begin = end) {
    end = begin;
    do end = std::min(line.find(' ', end + 1), line.size());
    while (end < line.size() && !begins_ink(line, end + 1));
    if (!append_word(line, begin, end, sink)) return false;
  }
  return true;
}

// The first of the two entries where this word may be.
std::size_t LineEncoder::pair_of(const Key& key) const {
  uint64_t hash = 0;
  for (std::size_t i = 0; i < key.size(); i += 8) {
    hash = (hash ^ load64(&key[i])) * 0x9e3779b97f4a7c15u;
    hash ^= hash >> 32;
  }
  return hash >> (64 - pair_bits_) << 1;
}

void LineEncoder::grow() {
  const auto count = std::size_t{2} << ++pair_bits_;
  const auto old = std::exchange(entries_, std::vector<Entry>(count));
  const auto old_ranges = std::exchange(ranges_, std::vector<WordRanges>(with_ranges_ ? count : 0));
  for (std::size_t i = 0; i < old.size(); ++i) {
    if (!old[i].key.back()) continue;
    auto at = pair_of(old[i].key);
    if (entries_[at].key.back()) ++at;
    entries_[at] = old[i];
    if (with_ranges_) ranges_[at] = old_ranges[i];
  }
  remembered_ = old.size() / 2;
}

void LineEncoder::forget_words_without_ranges() {
  with_ranges_ = true;
  std::ranges::fill(entries_, Entry{});
  ranges_.resize(entries_.size());
  remembered_ = 0;
}

// The ids of line[begin, end) and, where they are asked for, their ranges.
bool LineEncoder::append_word(std::string_view line, std::size_t begin, std::size_t end, Sink& sink) {
  const auto word = line.substr(begin, end - begin);
  const auto at = entry_of(word);
  if (at == SIZE_MAX) {  // too much for an entry
    if (!encode_word(word)) return false;
    for (std::size_t i = 0; i < found_.size(); ++i)
      if (!put(line, begin, found_[i], with_ranges_ ? found_ranges_[i] : ByteRange{}, sink)) return false;
    return true;
  }
  const auto& entry = entries_[at];
  const auto count = static_cast<std::size_t>(entry.count);
  if (entry.count < 0) return false;
  if (!sink.ranges) {
    sink.ids.insert(sink.ids.end(), entry.ids.begin(), entry.ids.begin() + entry.count);
    return true;
  }
  for (std::size_t i = 0; i < count; ++i)
    if (!put(line, begin, entry.ids[i], {ranges_[at][i].begin, ranges_[at][i].end}, sink)) return false;
  return true;
}

// in_word: from the word's begin; a piece that has the space before the word begins below 0. False where that is not
// one space that stands between words: what such a piece has then is a matter of the whole line.
bool LineEncoder::put(std::string_view line, std::size_t begin, int32_t id, ByteRange in_word, Sink& sink) const {
  sink.ids.push_back(id);
  if (!sink.ranges) return true;
  const auto at = static_cast<int32_t>(begin);
  sink.ranges->push_back({std::max(0, at + in_word.begin), std::max(0, at + in_word.end)});
  if (in_word.begin >= 0) return true;
  sink.at_space = true;
  return begin == 0 || (begin >= 2 && line[begin - 2] != ' ');
}

// Where the word is remembered, now at the latest; SIZE_MAX where it cannot be.
std::size_t LineEncoder::entry_of(std::string_view word) {
  Key key{};
  if (word.size() >= key.size()) return SIZE_MAX;
  std::memcpy(key.data(), word.data(), word.size());
  key.back() = static_cast<char>(word.size());
  if (remembered_ >= entries_.size() / 2 && pair_bits_ < kMostPairBits) grow();
  const auto at = pair_of(key);
  if (entries_[at].key == key) return at;
  std::swap(entries_[at], entries_[at + 1]);
  if (with_ranges_) std::swap(ranges_[at], ranges_[at + 1]);
  if (entries_[at].key == key) return at;
  const bool holds = encode_word(word);
  if (found_.size() > kMostIds) return SIZE_MAX;
  auto& entry = entries_[at];
  entry.key = key;
  entry.count = holds ? static_cast<int32_t>(found_.size()) : -1;
  std::ranges::copy(found_, entry.ids.begin());
  for (std::size_t i = 0; with_ranges_ && holds && i < found_.size(); ++i)
    ranges_[at][i] = {static_cast<int8_t>(found_ranges_[i].begin), static_cast<int8_t>(found_ranges_[i].end)};
  ++remembered_;
  return at;
}

// found_ and, where they are kept, found_ranges_ of a word; false where the rule does not hold for it.
bool LineEncoder::encode_word(std::string_view word) {
  found_.clear();
  if (rule_ != WordRule::led && word.find(kSpace) != word.npos) return false;
  if (with_ranges_ && rule_ != WordRule::led) return encode_between(word);
  vocabulary_.encode(word, found_, with_ranges_ ? &found_ranges_ : nullptr);
  return true;
}

// A word between two others, since its first piece may have the space before it. False where its pieces are then not to
// be told from the others'.
bool LineEncoder::encode_between(std::string_view word) {
  const std::string_view other = "a";
  std::vector<int32_t> ids;
  std::vector<ByteRange> ranges;
  vocabulary_.encode(other, ids, nullptr);
  const auto around = ids.size();
  vocabulary_.encode(std::string(other).append(" ").append(word).append(" ").append(other), ids, &ranges);
  vocabulary_.encode(word, found_, nullptr);
  const auto first = static_cast<std::ptrdiff_t>(around), last = first + static_cast<std::ptrdiff_t>(found_.size());
  const auto begin = static_cast<int32_t>(other.size() + 1);
  if (ids.size() != found_.size() + 2 * around || !std::equal(found_.begin(), found_.end(), ids.begin() + first))
    return false;
  found_ranges_.assign(ranges.begin() + first, ranges.begin() + last);
  for (auto& range : found_ranges_) range = {range.begin - begin, range.end - begin};
  return found_.empty() ||
         (found_ranges_.front().begin >= -1 && found_ranges_.back().end <= static_cast<int32_t>(word.size()));
}

}  // namespace storm
