#include "text/unicode.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <vector>

#include "text/unicode_runs.h"
#include "text/unicode_tables.h"

namespace storm {

namespace {

enum Sigma : uint8_t { kNone, kCased, kSkipped };

// A capital sigma ends a word, and is then written differently, when a cased character comes before it and none after
// it, looking past characters that do not count (Unicode, table 3-17: Final_Sigma).
bool is_final_sigma(std::string_view text, std::size_t at) {
  std::size_t i = at;
  uint8_t part = kSkipped;
  while (part == kSkipped && i > 0) {
    i = character_before(text, i);
    std::size_t end = i;
    part = unicode::run_value<2>(unicode::sigma_runs, next_code_point(text, end));
  }
  if (part != kCased) return false;
  i = at + 2;
  part = kSkipped;
  while (part == kSkipped && i < text.size())
    part = unicode::run_value<2>(unicode::sigma_runs, next_code_point(text, i));
  return part != kCased;
}

}  // namespace

void append_utf8(std::string& text, char32_t c) {
  const auto put = [&](char32_t b) { text.push_back(static_cast<char>(b)); };
  if (c < 0x80) return put(c);
  if (c < 0x800)
    put(0xC0 | c >> 6);
  else {
    if (c < 0x10000)
      put(0xE0 | c >> 12);
    else {
      put(0xF0 | c >> 18);
      put(0x80 | (c >> 12 & 0x3F));
    }
    put(0x80 | (c >> 6 & 0x3F));
  }
  put(0x80 | (c & 0x3F));
}

CharClass char_class(char32_t c) {
  static const unicode::RunTable<2> table(unicode::class_runs);
  return static_cast<CharClass>(table(c));
}

std::string_view strip_right(std::string_view text) {
  while (!text.empty()) {
    const std::size_t start = character_before(text, text.size());
    if (!space_at(text, start)) break;
    text.remove_suffix(text.size() - start);
  }
  return text;
}

std::string_view strip(std::string_view text) {
  while (!text.empty()) {
    const int n = space_at(text, 0);
    if (n == 0) break;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return strip_right(text);
}

std::vector<std::string> split_at_space(std::string_view text) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size();) {
    if (const int space = space_at(text, at)) {
      at += static_cast<std::size_t>(space);
      continue;
    }
    const auto begin = at;
    while (at < text.size() && space_at(text, at) == 0) at += static_cast<std::size_t>(utf8_length(text[at]));
    words.emplace_back(text.substr(begin, at - begin));
  }
  return words;
}

char32_t lower_of(char32_t c) {
  const auto run = std::lower_bound(std::begin(unicode::lower_runs), std::end(unicode::lower_runs), c,
                                    [](const unicode::LowerRun& r, char32_t x) { return r.last < x; });
  if (run == std::end(unicode::lower_runs) || c < run->first || (c - run->first) % run->step) return c;
  return static_cast<char32_t>(static_cast<int64_t>(c) + run->difference);
}

void lower_case(std::string_view text, std::string& out) {
  out.clear();
  for (std::size_t i = 0; i < text.size();) {
    const auto b = static_cast<unsigned char>(text[i]);
    if (b < 0x80) {
      out.push_back(static_cast<char>(b >= 'A' && b <= 'Z' ? b + 32 : b));
      ++i;
      continue;
    }
    const std::size_t at = i;
    const char32_t c = next_code_point(text, i);
    if (c == 0x3A3)
      append_utf8(out, is_final_sigma(text, at) ? 0x3C2 : 0x3C3);
    else if (c == 0x130)
      out += "i\xCC\x87";  // i and a combining dot above: the one lower case of two characters
    else
      append_utf8(out, lower_of(c));
  }
}

}  // namespace storm
