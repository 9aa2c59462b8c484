#include "metrics/western.h"

#include <array>
#include <span>
#include <utility>

#include "metrics/token_cuts.h"
#include "text/unicode.h"

namespace storm {

namespace {

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

}  // namespace

std::string_view unescape_xml(std::string_view segment, bool line_breaks, std::string& buffer) {
  if (segment.find_first_of("<&\n") == std::string_view::npos) return segment;
  buffer = segment;
  const std::pair<std::string_view, std::string_view> rules[] = {{"<skipped>", ""}, {"-\n", ""},   {"&quot;", "\""},
                                                                 {"&amp;", "&"},    {"&lt;", "<"}, {"&gt;", ">"}};
  for (const auto& [from, to] : std::span(rules).subspan(line_breaks ? 0 : 2)) {
    std::size_t write = 0, read = 0;
    for (std::size_t hit; (hit = buffer.find(from, read)) != std::string::npos; read = hit + from.size()) {
      while (read < hit) buffer[write++] = buffer[read++];
      for (char c : to) buffer[write++] = c;
    }
    if (read == 0) continue;
    while (read < buffer.size()) buffer[write++] = buffer[read++];
    buffer.resize(write);
  }
  return buffer;
}

void cut_western(std::string_view text, const WesternRules& rules, std::vector<std::string_view>& tokens) {
  Cutter cutter(text, tokens);
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
          } else if (rules.stands_alone && rules.stands_alone(c)) {
            cutter.cut(at);
            cutter.cut(i);
          }
        } else {
          if (rules.possessive && text.substr(i, 2) == "'s" &&
              (i + 2 == text.size() || text[i + 2] == ' ' || kind(i + 2) == kSymbol))
            cutter.cut(i);
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
        const bool digit_before = i > 0 ? kind(i - 1) == kDigit : rules.edge_is_digit;
        const bool digit_behind = end < text.size() ? kind(end) == kDigit : rules.edge_is_digit;
        const auto [before, behind] = cuts_around(end - i, digit_before, digit_behind);
        if (before) cutter.cut(i);
        while (++i < end) cutter.cut(i);
        if (behind) cutter.cut(end);
      }
    }
  }
  cutter.cut(text.size());
}

}  // namespace storm
