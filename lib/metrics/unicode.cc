#include "metrics/unicode.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <vector>

#include "metrics/unicode_tables.h"

namespace storm {

namespace {

// The two bits of the run that holds c; runs begin at (entry >> 2).
template <std::size_t N>
uint8_t run_value(const uint32_t (&runs)[N], char32_t c) {
  const auto after = std::upper_bound(std::begin(runs), std::end(runs), static_cast<uint32_t>(c) << 2 | 3);
  return after == std::begin(runs) ? 0 : static_cast<uint8_t>(after[-1] & 3);
}

enum Sigma : uint8_t { kNone, kCased, kSkipped };

// A capital sigma ends a word, and is then written differently, when a cased character comes before it and none after
// it, looking past characters that do not count (Unicode, table 3-17: Final_Sigma).
bool is_final_sigma(std::string_view text, std::size_t at) {
  std::size_t i = at;
  uint8_t part = kSkipped;
  while (part == kSkipped && i > 0) {
    do --i;
    while ((static_cast<unsigned char>(text[i]) & 0xC0) == 0x80);
    std::size_t end = i;
    part = run_value(unicode::sigma_runs, next_code_point(text, end));
  }
  if (part != kCased) return false;
  i = at + 2;
  part = kSkipped;
  while (part == kSkipped && i < text.size()) part = run_value(unicode::sigma_runs, next_code_point(text, i));
  return part != kCased;
}

char32_t lower_of(char32_t c) {
  const auto run = std::lower_bound(std::begin(unicode::lower_runs), std::end(unicode::lower_runs), c,
                                    [](const unicode::LowerRun& r, char32_t x) { return r.last < x; });
  if (run == std::end(unicode::lower_runs) || c < run->first || (c - run->first) % run->step) return c;
  return static_cast<char32_t>(static_cast<int64_t>(c) + run->difference);
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
  // The planes of living scripts and emoji are looked up directly, the rest by search.
  static const auto direct = [] {
    std::vector<uint8_t> table(0x20000);
    for (std::size_t i = 0; i < std::size(unicode::class_runs); ++i) {
      const std::size_t begin = unicode::class_runs[i] >> 2,
                        end = i + 1 < std::size(unicode::class_runs) ? unicode::class_runs[i + 1] >> 2 : table.size();
      for (std::size_t at = begin; at < std::min(end, table.size()); ++at) table[at] = unicode::class_runs[i] & 3;
    }
    return table;
  }();
  return static_cast<CharClass>(c < direct.size() ? direct[c] : run_value(unicode::class_runs, c));
}

std::string_view strip_right(std::string_view text) {
  while (!text.empty()) {
    std::size_t start = text.size() - 1;
    while (start > 0 && (static_cast<unsigned char>(text[start]) & 0xC0) == 0x80) --start;
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
