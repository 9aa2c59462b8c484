#include "decode/long_sources.h"

#include <algorithm>
#include <string_view>

#include "base/log.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace storm {

namespace {

constexpr std::string_view kMark = "\u2581";

// Latin, Devanagari, Arabic, Urdu, Armenian, Ethiopic and Khmer, all of which put a space behind.
constexpr std::u32string_view kEnds = U".!?\u2026\u0964\u0965\u061F\u06D4\u0589\u1362\u17D4";
// Chinese, Japanese and Burmese, which put none.
constexpr std::u32string_view kUnspacedEnds = U"\u3002\uFF01\uFF1F\uFF61\u104B";
constexpr std::u32string_view kClosing =
    U"\"')]}\u2019\u201D\u201C\u2018\u00BB\u00AB\u203A\u2039\u300D\u300F\u3011\u3009\u300B\u3015\uFF09\uFF02\uFF07";

bool is_one_of(std::u32string_view set, char32_t c) { return set.find(c) != set.npos; }

bool is_mark(char32_t c) { return is_one_of(kEnds, c) || is_one_of(kUnspacedEnds, c); }

// Chinese characters and kana.
bool is_unspaced(char32_t c) {
  return (c >= 0x3040 && c <= 0x30FF) || (c >= 0x3400 && c <= 0x9FFF) || (c >= 0xF900 && c <= 0xFAFF) ||
         (c >= 0x20000 && c <= 0x3FFFF);
}

std::string without_mark(std::string piece) {
  for (std::size_t at = 0; (at = piece.find(kMark, at)) != piece.npos; ++at) piece.replace(at, kMark.size(), " ");
  return piece;
}

// The characters of a text that comes in pieces, and between which of them each piece begins.
class Pieces {
 public:
  explicit Pieces(std::span<const std::string> pieces) {
    constexpr auto inside = static_cast<std::size_t>(-1);
    std::string text;
    std::vector<std::size_t> begins;  // bytes
    for (const auto& piece : pieces) {
      begins.push_back(text.size());
      text += without_mark(piece);
    }
    std::vector<std::size_t> character_at(text.size() + 1, inside);
    for (std::size_t at = 0; at < text.size();) {
      character_at[at] = text_.size();
      const bool valid = valid_utf8_prefix(std::string_view(text).substr(at, 4)) > 0;
      text_.push_back(valid ? next_code_point(text, at) : (++at, U'\uFFFD'));
    }
    character_at[text.size()] = text_.size();
    for (const std::size_t begin : begins) begins_.push_back(character_at[begin]);
  }

  bool begins_character(std::size_t piece) const { return begins_[piece] != static_cast<std::size_t>(-1); }

  // A space that stands alone begins the word behind it.
  bool begins_word(std::size_t piece) const {
    if (!begins_character(piece)) return false;
    const std::size_t at = begins_[piece];
    if (at < text_.size() && text_[at] == U' ') return true;
    return at > 1 && text_[at - 1] == U' ' && text_[at - 2] != U' ' && begins_[piece - 1] != at - 1;
  }

  // Whether a sentence ends before the piece.
  bool begins_sentence(std::size_t piece) const {
    if (!begins_character(piece)) return false;
    const std::size_t at = begins_[piece];
    std::size_t end = before_spaces(at);
    bool spaced = false;  // whether spaces stand before what closes
    while (end > 0 && is_one_of(kClosing, text_[end - 1])) {
      const std::size_t before = before_spaces(end - 1);
      spaced |= before < end - 1;
      end = before;
    }
    if (end == 0) return false;
    const char32_t mark = text_[end - 1], next = at < text_.size() ? text_[at] : U' ';
    if (is_one_of(kUnspacedEnds, mark))
      return !is_one_of(kClosing, next) && !is_one_of(kUnspacedEnds, next) && !closes(at, end);
    if (!is_one_of(kEnds, mark)) return false;
    // Normalisation turns full-width marks into these.
    if (!begins_word(piece)) return (mark == U'!' || mark == U'?') && is_unspaced(next);
    return (!spaced || stands_alone(end)) && !closes(at, end);
  }

 private:
  std::size_t before_spaces(std::size_t end) const {
    while (end > 0 && text_[end - 1] == U' ') --end;
    return end;
  }

  // Whether the marks that end at `end` are a word of their own, as all punctuation of text that was cut at it.
  bool stands_alone(std::size_t end) const {
    while (end > 0 && is_mark(text_[end - 1])) --end;
    return end == 0 || text_[end - 1] == U' ';
  }

  // Whether the word at `at` belongs to the sentence whose mark ends at `end`: more marks, and, where these stand
  // alone, what closes. Elsewhere, what stands behind a space opens.
  bool closes(std::size_t at, std::size_t end) const {
    while (at < text_.size() && text_[at] == U' ') ++at;
    const std::size_t begin = at;
    const bool alone = stands_alone(end);
    while (at < text_.size() && (is_mark(text_[at]) || (alone && is_one_of(kClosing, text_[at])))) ++at;
    return at > begin && (at == text_.size() || text_[at] == U' ');
  }

  std::u32string text_;              // spaces for marks
  std::vector<std::size_t> begins_;  // of pieces
};

}  // namespace

std::vector<std::size_t> part_lengths(std::span<const std::string> pieces, std::size_t most) {
  const Pieces text(pieces);
  std::vector<std::size_t> lengths;
  std::size_t begin = 0;
  for (; pieces.size() - begin > most; begin += lengths.back()) {
    std::size_t sentence = 0, word = 0, character = 0;  // the last of each that begins where the next part may
    for (std::size_t i = begin + most; i > begin && sentence == 0; --i) {
      if (text.begins_sentence(i)) sentence = i;
      if (word == 0 && text.begins_word(i)) word = i;
      if (character == 0 && text.begins_character(i)) character = i;
    }
    const std::size_t next = sentence > 0 ? sentence : word > 0 ? word : character > 0 ? character : begin + most;
    lengths.push_back(next - begin);
  }
  if (begin < pieces.size()) lengths.push_back(pieces.size() - begin);
  return lengths;
}

LongSources::LongSources(Rule rule, Vocabulary source, const Vocabulary& target)
    : rule_(rule), source_(std::move(source)), target_(target) {
  const auto first = target.encode("a");
  if (first.empty() || target.marked_bytes(first[0]).starts_with(kMark)) return;
  for (const char* name : {"\u0120", "\u2581"})  // byte-level BPE's and SentencePiece's
    if (const int32_t id = target.id_of(name); id >= 0 && target.marked_bytes(id) == kMark) space_ = id;
}

std::vector<std::span<const int32_t>> LongSources::parts(std::span<const int32_t> source, int64_t most) {
  ++sources_;
  std::vector<std::size_t> lengths{static_cast<std::size_t>(most)};
  if (rule_ == Rule::split) {
    std::vector<std::string> pieces;
    for (const int32_t id : source) pieces.push_back(source_.marked_bytes(id));
    lengths = part_lengths(pieces, lengths[0]);
  }
  std::vector<std::span<const int32_t>> parts;
  for (const std::size_t length : lengths) {
    parts.push_back(source.first(length));
    source = source.subspan(length);
  }
  parts_ += std::ssize(parts);
  return parts;
}

Hypotheses LongSources::joined(std::span<const Hypotheses> parts, int32_t longest, const DecodeOptions& options) const {
  std::size_t ranks = 0;
  for (const auto& part : parts) ranks = std::max(ranks, part.size());
  Hypotheses answers;
  for (std::size_t rank = 0; rank < ranks; ++rank) answers.push_back(joined(parts, rank, longest, options));
  return answers;
}

Hypothesis LongSources::joined(std::span<const Hypotheses> parts, std::size_t rank, int32_t longest,
                               const DecodeOptions& options) const {
  Hypothesis whole;
  double log_prob = 0;
  bool eos = true;
  for (const Hypotheses& part : parts) {
    const Hypothesis& next = part[std::min(rank, part.size() - 1)];
    log_prob += static_cast<double>(next.log_prob);
    if (!whole.ids.empty() && !next.ids.empty() && needs_space(next.ids)) whole.ids.push_back(space_);
    whole.ids.insert(whole.ids.end(), next.ids.begin(), next.ids.end());
    whole.stopped = next.stopped;
    // As generate() ends them: by EOS, but for stop strings and, of some, the longest.
    eos = next.stopped.empty() &&
          (options.forced_eos != ForcedEos::none || &part != &parts.back() || std::ssize(next.ids) < longest);
    if (!next.stopped.empty()) break;
  }
  const auto length = std::ssize(whole.ids) + std::ssize(whole.stopped);
  whole.log_prob = static_cast<float>(log_prob);
  whole.score = static_cast<float>(normalized_score(log_prob, length, eos, options));
  return whole;
}

// No space goes before one, nor into Chinese or Japanese.
bool LongSources::needs_space(std::span<const int32_t> next) const {
  if (space_ < 0) return false;
  std::string text;  // a character has 4 bytes at most, and none may be a piece's alone
  for (const int32_t id : next.first(std::min<std::size_t>(next.size(), 4))) text += target_.marked_bytes(id);
  std::size_t at = 0;
  return !text.starts_with(kMark) && (valid_utf8_prefix(text) == 0 || !is_unspaced(next_code_point(text, at)));
}

void LongSources::note_count() const {
  if (sources_ == 0) return;
  if (rule_ == Rule::cut)
    note(sources_, sources_ == 1 ? " source was" : " sources were", " longer than the model takes, and cut");
  else
    note(sources_, sources_ == 1 ? " source was" : " sources were", " longer than the model takes, and translated in ",
         parts_, " parts");
}

}  // namespace storm
