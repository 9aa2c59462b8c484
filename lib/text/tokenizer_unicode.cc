#include "text/tokenizer_unicode.h"

#include <algorithm>
#include <iterator>

#include "text/tokenizer_tables.h"
#include "text/unicode_runs.h"

namespace storm {

namespace {

BertCharacter unpacked(uint32_t bits) {
  return {static_cast<BertCharacter::Cleaning>(bits & 3), (bits >> 2 & 1) != 0,
          static_cast<BertCharacter::Split>(bits >> 3 & 3), (bits >> 5 & 1) != 0};
}

// Appends the parts of one character (Unicode, section 3.12 for Hangul).
void append_parts(const NormalizedCharacter& from, std::vector<NormalizedCharacter>& out) {
  const auto put = [&](char32_t c) { out.push_back({c, from.from}); };
  const char32_t c = from.c;
  if (c < 0xC0) return put(c);
  if (c >= 0xAC00 && c < 0xD7A4) {
    const char32_t s = c - 0xAC00;
    put(0x1100 + s / 588);
    put(0x1161 + s % 588 / 28);
    if (s % 28) put(0x11A7 + s % 28);
    return;
  }
  const auto* it = std::lower_bound(std::begin(unicode::decompositions), std::end(unicode::decompositions), c,
                                    [](const unicode::Decomposition& d, char32_t x) { return d.from < x; });
  if (it == std::end(unicode::decompositions) || it->from != c) return put(c);
  for (const auto part : it->to)
    if (part) put(part);
}

uint32_t order_of(char32_t c) { return c < 0x300 ? 0 : unicode::run_value<8>(unicode::order_runs, c); }

}  // namespace

BertCharacter bert_character(char32_t c) {
  static const unicode::RunTable<6> table(unicode::bert_runs);
  return unpacked(table(c));
}

Gpt2Class gpt2_class(char32_t c) {
  static const unicode::RunTable<2> table(unicode::gpt2_runs);
  return static_cast<Gpt2Class>(table(c));
}

void decompose(std::vector<NormalizedCharacter>& text) {
  if (std::ranges::all_of(text, [](const NormalizedCharacter& n) { return n.c < 0xC0; })) return;
  std::vector<NormalizedCharacter> out;
  out.reserve(text.size());
  for (const auto& n : text) append_parts(n, out);
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (order_of(out[i].c) == 0) continue;
    auto end = i;
    while (end < out.size() && order_of(out[end].c) != 0) ++end;
    const auto at = [&](std::size_t k) { return out.begin() + static_cast<std::ptrdiff_t>(k); };
    std::stable_sort(at(i), at(end), [](const auto& a, const auto& b) { return order_of(a.c) < order_of(b.c); });
    i = end;
  }
  text = std::move(out);
}

void lower_case(std::vector<NormalizedCharacter>& text) {
  bool has_dotted = false;
  for (auto& [c, from] : text) {
    if (c < 0x80) {
      c += c >= 'A' && c <= 'Z' ? 'a' - 'A' : 0;
    } else if (c == 0x130) {
      has_dotted = true;
    } else if (const auto low = lower_of(c); low != c) {
      c = low;
    } else {
      const auto* it = std::lower_bound(std::begin(unicode::newer_lower), std::end(unicode::newer_lower), c,
                                        [](const unicode::Lower& l, char32_t x) { return l.from < x; });
      if (it != std::end(unicode::newer_lower) && it->from == c) c = it->to;
    }
  }
  if (!has_dotted) return;
  std::vector<NormalizedCharacter> out;
  for (const auto& n : text) {
    out.push_back({n.c == 0x130 ? U'i' : n.c, n.from});
    if (n.c == 0x130) out.push_back({0x307, n.from});
  }
  text = std::move(out);
}

}  // namespace storm
