#include "metrics/tokenizer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/error.h"
#include "metrics/unicode.h"

namespace storm {

namespace {

constexpr std::string_view kNames[] = {"none", "13a", "char", "intl", "zh"};

// What mteval-v13a does with an ASCII character.
enum Kind : uint8_t { kWord, kDigit, kPoint, kDash, kSymbol, kSpace };
constexpr auto kKinds = [] {
  std::array<Kind, 256> kinds{};
  for (unsigned c = 0; c < 128; ++c) {
    if (is_space(c))
      kinds[c] = kSpace;
    else if (c >= '0' && c <= '9')
      kinds[c] = kDigit;
    else if (c == '.' || c == ',')
      kinds[c] = kPoint;
    else if (c == '-')
      kinds[c] = kDash;
    else if ((c > ' ' && c < '0' && c != '\'') || (c > '9' && c < 'A') || (c > 'Z' && c < 'a') || (c > 'z' && c < 127))
      kinds[c] = kSymbol;
  }
  return kinds;
}();

// Collects tokens of one text: cut(at) ends a token there, skip(at, n) leaves n bytes out.
class Cutter {
 public:
  Cutter(std::string_view text, std::vector<std::string_view>& tokens) : text_(text), tokens_(tokens) {}
  void cut(std::size_t at) {
    if (at > begin_) tokens_.push_back(text_.substr(begin_, at - begin_));
    begin_ = at;
  }
  void skip(std::size_t at, std::size_t bytes) {
    cut(at);
    begin_ = at + bytes;
  }

 private:
  std::string_view text_;
  std::vector<std::string_view>& tokens_;
  std::size_t begin_ = 0;
};

// Both mteval-v13a (for . and ,) and mteval-v14 (for all punctuation) first put spaces around a mark that follows a
// non-digit, then around one that is followed by a non-digit; a match eats two characters, so in a run of `count` marks
// every other one matches first. Between marks there is always a cut. What is left to say is whether the run's first
// mark is cut from the character before, and its last from the one behind.
struct RunCuts {
  bool before, behind;
};
RunCuts cuts_around(std::size_t count, bool digit_before, bool digit_behind) {
  return {!(digit_before && count == 1 && digit_behind), !(digit_behind && (count % 2 == 1) == digit_before)};
}

// What sacreBLEU's zh tokeniser takes for Chinese, by blocks. That U+2001 to U+2A6D is in it is an escape of five digits
// read as one of four and a digit, which scores have depended on ever since.
constexpr std::pair<char32_t, char32_t> kChinese[] = {
    {0x2001, 0x2A6D}, {0x2E80, 0x2FDF}, {0x2FF0, 0x303F}, {0x3100, 0x312F}, {0x31A0, 0x31EF},
    {0x3200, 0x4DB5}, {0x4E00, 0x9FBB}, {0xF900, 0xFA2D}, {0xFA30, 0xFA6A}, {0xFA70, 0xFAD9},
    {0xFE10, 0xFE1F}, {0xFE30, 0xFE4F}, {0xFF00, 0xFFEF}};
bool is_chinese(char32_t c) {
  const auto range = std::ranges::lower_bound(kChinese, c, {}, [](const auto& r) { return r.second; });
  return range != std::end(kChinese) && c >= range->first;
}

}  // namespace

Tokenization tokenization_from_name(std::string_view name) {
  std::string all;
  for (std::size_t i = 0; i < std::size(kNames); ++i) {
    if (kNames[i] == name) return static_cast<Tokenization>(i);
    all += (i ? ", " : "") + std::string(kNames[i]);
  }
  throw UsageError(str("--tokenize: '", name, "' is none of ", all));
}

std::string_view tokenization_name(Tokenization t) { return kNames[static_cast<std::size_t>(t)]; }

std::span<const std::string_view> Tokenizer::operator()(std::string_view segment) {
  if (lowercase_) {
    lower_case(segment, lowered_);
    segment = lowered_;
  }
  segment = strip_right(segment);
  tokens_.clear();
  switch (tokenization_) {
    case Tokenization::none:
      cut_spaces(segment);
      break;
    case Tokenization::mteval13a:
      cut_western(unescape_13a(segment), false, false);
      break;
    case Tokenization::character:
      cut_characters(segment);
      break;
    case Tokenization::chinese:
      cut_western(strip(segment), true, true);
      break;
    case Tokenization::international:
      cut_international(segment);
      break;
  }
  return tokens_;
}

void Tokenizer::cut_spaces(std::string_view text) {
  Cutter cutter(text, tokens_);
  for (std::size_t i = 0; i < text.size();) {
    const int space = space_at(text, i);
    if (space) cutter.skip(i, static_cast<std::size_t>(space));
    i += static_cast<std::size_t>(space ? space : utf8_length(text[i]));
  }
  cutter.cut(text.size());
}

void Tokenizer::cut_characters(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto n = static_cast<std::size_t>(utf8_length(text[i]));
    if (!space_at(text, i)) tokens_.push_back(text.substr(i, n));
    i += n;
  }
}

// Line breaks joined and XML's escapes undone, in mteval-v13a's order: "&amp;lt;" becomes "<".
std::string_view Tokenizer::unescape_13a(std::string_view segment) {
  if (segment.find_first_of("<&\n") == std::string_view::npos) return segment;
  unescaped_ = segment;
  const std::pair<std::string_view, std::string_view> rules[] = {{"<skipped>", ""}, {"-\n", ""},   {"&quot;", "\""},
                                                                 {"&amp;", "&"},    {"&lt;", "<"}, {"&gt;", ">"}};
  for (const auto& [from, to] : rules) {
    std::size_t write = 0, read = 0;
    for (std::size_t hit; (hit = unescaped_.find(from, read)) != std::string::npos; read = hit + from.size()) {
      while (read < hit) unescaped_[write++] = unescaped_[read++];
      for (char c : to) unescaped_[write++] = c;
    }
    if (read == 0) continue;
    while (read < unescaped_.size()) unescaped_[write++] = unescaped_[read++];
    unescaped_.resize(write);
  }
  return unescaped_;
}

void Tokenizer::cut_western(std::string_view text, bool edge_is_digit, bool chinese) {
  Cutter cutter(text, tokens_);
  const auto kind = [&](std::size_t i) { return kKinds[static_cast<unsigned char>(text[i])]; };
  for (std::size_t i = 0; i < text.size();) {
    switch (kind(i)) {
      case kWord:
      case kDigit:
        if (static_cast<unsigned char>(text[i]) >= 0x80) {
          const std::size_t at = i;
          const char32_t c = next_code_point(text, i);
          if (is_space(c)) {
            cutter.skip(at, i - at);
          } else if (chinese && is_chinese(c)) {
            cutter.cut(at);
            cutter.cut(i);
          }
        } else {
          ++i;
        }
        break;
      case kSpace:
        cutter.skip(i++, 1);
        break;
      case kSymbol:
        cutter.cut(i++);
        cutter.cut(i);
        break;
      case kDash:
        if (i > 0 && kind(i - 1) == kDigit) {
          cutter.cut(i);
          cutter.cut(i + 1);
        }
        ++i;
        break;
      case kPoint: {
        std::size_t end = i + 1;
        while (end < text.size() && kind(end) == kPoint) ++end;
        const bool digit_before = i > 0 ? kind(i - 1) == kDigit : edge_is_digit;
        const bool digit_behind = end < text.size() ? kind(end) == kDigit : edge_is_digit;
        const auto [before, behind] = cuts_around(end - i, digit_before, digit_behind);
        if (before) cutter.cut(i);
        while (++i < end) cutter.cut(i);
        if (behind) cutter.cut(end);
      }
    }
  }
  cutter.cut(text.size());
}

void Tokenizer::cut_international(std::string_view text) {
  Cutter cutter(text, tokens_);
  // Before the first character and behind the last there is nothing to match: an edge acts as a digit does.
  bool digit_before = true;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t at = i;
    const char32_t c = next_code_point(text, i);
    const CharClass cls = char_class(c);
    if (is_space(c)) {
      cutter.skip(at, i - at);
    } else if (cls == CharClass::symbol) {
      cutter.cut(at);
      cutter.cut(i);
    } else if (cls == CharClass::punctuation) {
      marks_.assign(1, at);
      bool digit_behind = true;
      for (std::size_t next = i; next < text.size(); i = next) {
        const CharClass behind = char_class(next_code_point(text, next));
        digit_behind = behind == CharClass::number;
        if (behind != CharClass::punctuation) break;
        digit_behind = true;
        marks_.push_back(i);
      }
      const auto [before, behind] = cuts_around(marks_.size(), digit_before, digit_behind);
      for (std::size_t k = before ? 0 : 1; k < marks_.size(); ++k) cutter.cut(marks_[k]);
      if (behind) cutter.cut(i);
    }
    digit_before = cls == CharClass::number;
  }
  cutter.cut(text.size());
}

}  // namespace storm
