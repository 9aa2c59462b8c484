// The words of GPT-2 (Radford et al., "Language models are unsupervised multitask learners", 2019): what its pattern
// cuts a text into before byte-level BPE, which never joins two of them.
#pragma once

#include <cstddef>
#include <string_view>

#include "text/tokenizer_unicode.h"

namespace storm {

namespace gpt2 {

// The length of 's, 't, 're, 've, 'm, 'll or 'd at text[at], which is an apostrophe; 0: none is there.
inline std::size_t contraction(std::string_view text, std::size_t at) {
  const auto rest = text.substr(at + 1);
  if (rest.empty()) return 0;
  if (const char c = rest[0]; c == 's' || c == 't' || c == 'm' || c == 'd') return 2;
  return rest.starts_with("re") || rest.starts_with("ve") || rest.starts_with("ll") ? 3 : 0;
}

// The class of the character at text[at]; at moves behind it.
inline Gpt2Class class_at(std::string_view text, std::size_t& at) {
  const auto c = static_cast<unsigned char>(text[at]);
  if ((c | 0x20u) >= 'a' && (c | 0x20u) <= 'z') {
    ++at;
    return Gpt2Class::letter;
  }
  return gpt2_class(next_code_point(text, at));
}

}  // namespace gpt2

// Calls each(begin, end) for the words of a text in valid UTF-8, from left to right; they leave nothing out. The
// pattern is 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
template <class Each>
void each_gpt2_word(std::string_view text, Each each) {
  for (std::size_t begin = 0, end; begin < text.size(); begin = end) {
    if (text[begin] == '\'') {
      if (const auto length = gpt2::contraction(text, begin)) {
        end = begin + length;
        each(begin, end);
        continue;
      }
    }
    end = begin;
    auto kind = gpt2::class_at(text, end);
    if (text[begin] == ' ' && end < text.size()) {  // one space goes with what follows, unless that is white space, too
      auto behind = end;
      if (const auto next = gpt2::class_at(text, behind); next != Gpt2Class::space) {
        kind = next;
        end = behind;
      }
    }
    auto last = begin;  // where the last character of the run stands
    while (end < text.size()) {
      auto behind = end;
      if (gpt2::class_at(text, behind) != kind) break;
      last = end;
      end = behind;
    }
    // White space leaves its last character to the word that follows.
    if (kind == Gpt2Class::space && end < text.size() && last > begin) end = last;
    each(begin, end);
  }
}

}  // namespace storm
