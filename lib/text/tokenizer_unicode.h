// Characters as Hugging Face's tokenizers sees them: its ids are those that imported models were trained on, and it
// differs here and there from Python and from BERT's own code. The tables are asked of it (scripts/unicode-tables).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "stream/byte_range.h"
#include "text/unicode.h"

namespace storm {

// What BERT's normalizer and its splitter do with a character.
struct BertCharacter {
  enum class Cleaning : uint8_t { keep, remove, space };
  enum class Split : uint8_t { none, space, punctuation };
  Cleaning cleaning;
  bool chinese;  // it gets spaces around it
  Split split;
  bool accent;  // a nonspacing mark, which goes with the accents
};
BertCharacter bert_character(char32_t c);

// The classes of GPT-2's pattern: \p{L}, \p{N}, \s, and what is none of these.
enum class Gpt2Class : uint8_t { other, letter, number, space };
Gpt2Class gpt2_class(char32_t c);

// A character of normalised text, and the bytes of the line that it comes from.
struct NormalizedCharacter {
  char32_t c;
  ByteRange from;
};

// Canonical decomposition (NFD), each character's parts and then the order of marks.
void decompose(std::vector<NormalizedCharacter>& text);

// The lower case of each character by itself: a capital sigma is always σ, and İ becomes two characters.
void lower_case(std::vector<NormalizedCharacter>& text);

}  // namespace storm
