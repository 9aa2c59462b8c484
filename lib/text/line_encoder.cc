#include "text/line_encoder.h"

#include <algorithm>
#include <cstring>

#include "base/mixed_hash.h"
#include "text/tokenizer_unicode.h"

namespace storm {

namespace {

constexpr std::string_view kSpace = "\u2581";  // what SentencePiece turns spaces into
constexpr int kMostPairBits = 16;

// Whether the space at line[at] stands alone between two characters that are no white space.
bool stands_alone(std::string_view line, std::size_t at) {
  if (at == 0 || at + 1 == line.size()) return false;
  const auto is_white = [&](std::size_t i) {
    const auto b = static_cast<unsigned char>(line[i]);
    return b < 0x80 ? b <= 0x20 : gpt2_class(next_code_point(line, i)) == Gpt2Class::space;
  };
  return !is_white(character_before(line, at)) && !is_white(at + 1);
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
  const auto before = sink.ids.size();
  for (std::size_t begin = 0; !line.empty(); ++begin) {
    const auto end = std::min(line.find(' ', begin), line.size());
    const bool first = sink.ids.size() == before;
    if (begin == end ? rule_ == WordRule::joined : !append_word(line, begin, end, first, sink)) return false;
    if (end == line.size()) break;
    begin = end;
  }
  return true;
}

bool LineEncoder::append_led_words(std::string_view line, Sink& sink) {
  for (std::size_t begin = 0, end; begin < line.size(); begin = end) {
    end = begin;
    do end = std::min(line.find(' ', end + 1), line.size());
    while (end < line.size() && !stands_alone(line, end));
    if (!append_word(line, begin, end, true, sink)) return false;
  }
  return true;
}

// The first of the two entries where this word may be.
std::size_t LineEncoder::pair_of(const Key& key) const {
  uint64_t hash = 0;
  for (const auto part : key.parts) hash = mixed(hash, part);
  return hash >> (64 - pair_bits_) << 1;
}

void LineEncoder::grow() {
  const auto count = std::size_t{2} << ++pair_bits_;
  const auto old = std::exchange(entries_, std::vector<Entry>(count));
  const auto old_ranges = std::exchange(ranges_, std::vector<WordRanges>(with_ranges_ ? count : 0));
  for (std::size_t i = 0; i < old.size(); ++i) {
    if (old[i].key.empty()) continue;
    auto at = pair_of(old[i].key);
    if (!entries_[at].key.empty()) ++at;
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
bool LineEncoder::append_word(std::string_view line, std::size_t begin, std::size_t end, bool first, Sink& sink) {
  const auto word = line.substr(begin, end - begin);
  const auto at = entry_of(word, first);
  if (at == SIZE_MAX) {  // too much for an entry
    if (!encode_word(word, first)) return false;
    for (std::size_t i = 0; i < found_.size(); ++i)
      put(line, begin, found_[i], with_ranges_ ? found_ranges_[i] : ByteRange{}, sink);
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
    put(line, begin, entry.ids[i], {ranges_[at][i].begin, ranges_[at][i].end}, sink);
  return true;
}

// in_word: from the word's begin; a piece that begins below 0 has the spaces before the word.
void LineEncoder::put(std::string_view line, std::size_t begin, int32_t id, ByteRange in_word, Sink& sink) {
  sink.ids.push_back(id);
  if (!sink.ranges) return;
  const auto at = static_cast<int32_t>(begin);
  ByteRange range{at + in_word.begin, at + in_word.end};
  if (in_word.begin < 0) {
    while (line[begin - 1] == ' ') --begin;
    range.begin = static_cast<int32_t>(begin);
  }
  sink.ranges->push_back(range);
}

// Where the word is remembered, now at the latest; SIZE_MAX where it cannot be.
std::size_t LineEncoder::entry_of(std::string_view word, bool first) {
  Key key{};
  if (word.size() >= sizeof key) return SIZE_MAX;
  std::memcpy(&key, word.data(), word.size());
  key.parts.back() |= static_cast<uint64_t>(word.size() | (first && with_ranges_ ? kFirst : 0)) << 56;
  if (remembered_ >= entries_.size() / 2 && pair_bits_ < kMostPairBits) grow();
  const auto at = pair_of(key);
  if (entries_[at].key == key) return at;
  std::swap(entries_[at], entries_[at + 1]);
  if (with_ranges_) std::swap(ranges_[at], ranges_[at + 1]);
  if (entries_[at].key == key) return at;
  const bool holds = encode_word(word, first);
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

// found_ and, where they are kept, found_ranges_ of a word; false where the rule does not hold for it. first: no word
// stands before it in its line. The others' first pieces may have the space before them, so these are encoded between
// two others.
bool LineEncoder::encode_word(std::string_view word, bool first) {
  found_.clear();
  if (rule_ != WordRule::led && word.find(kSpace) != word.npos) return false;
  if (!with_ranges_ || rule_ == WordRule::led) {
    vocabulary_.encode(word, found_, with_ranges_ ? &found_ranges_ : nullptr);
    return true;
  }
  constexpr std::string_view kOther = "a";
  if (other_ids_ == 0) other_ids_ = vocabulary_.encode(kOther).size();
  const auto before = first ? 0 : other_ids_;
  std::string line(first ? "" : std::string(kOther) + " ");
  const auto begin = static_cast<int32_t>(line.size()), end = begin + static_cast<int32_t>(word.size());
  line.append(word).append(" ").append(kOther);
  vocabulary_.encode(line, found_, &found_ranges_);
  if (found_.size() < before + other_ids_) return false;
  // What no piece stands for, at an end of the word, may belong to the space beside it, and so to the next word.
  const auto next = found_ranges_[found_.size() - other_ids_].begin;
  const auto cut = [&](auto& all) {
    all.erase(all.end() - static_cast<std::ptrdiff_t>(other_ids_), all.end());
    all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(before));
  };
  cut(found_);
  cut(found_ranges_);
  for (auto& range : found_ranges_) range = {range.begin - begin, range.end - begin};
  return (next == end || next == end + 1) && (found_.empty() || found_ranges_.front().begin >= (first ? 0 : -1));
}

}  // namespace storm
