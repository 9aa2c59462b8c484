// BERT's text before it is cut into pieces (Devlin et al., "BERT: pre-training of deep bidirectional transformers for
// language understanding", NAACL 2019), as Hugging Face's tokenizers makes it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "text/tokenizer_unicode.h"

namespace storm {

struct BertNormalizer {
  bool clean_text = true;          // control characters go, white space of every kind becomes a space
  bool chinese_characters = true;  // each stands alone
  bool strip_accents = true;       // decomposed, without nonspacing marks
  bool lowercase = true;

  // Replaces what out holds. text: valid UTF-8; its first byte is the line's byte `offset`.
  void normalize(std::string_view text, int32_t offset, std::vector<NormalizedCharacter>& out) const;
};

// The words of normalised text: what stands between white space, and each punctuation mark alone.
template <class Each>
void each_bert_word(std::span<const NormalizedCharacter> text, Each each) {
  using Split = BertCharacter::Split;
  std::size_t begin = 0;
  const auto end_word = [&](std::size_t end) {
    if (begin < end) each(text.subspan(begin, end - begin));
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto split = bert_character(text[i].c).split;
    if (split == Split::none) continue;
    end_word(i);
    if (split == Split::punctuation) each(text.subspan(i, 1));
    begin = i + 1;
  }
  end_word(text.size());
}

}  // namespace storm
