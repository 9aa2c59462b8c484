#include "text/bert_normalizer.h"

namespace storm {

void BertNormalizer::normalize(std::string_view text, int32_t offset, std::vector<NormalizedCharacter>& out) const {
  out.clear();
  for (std::size_t at = 0; at < text.size();) {
    const auto begin = offset + static_cast<int32_t>(at);
    char32_t c = next_code_point(text, at);
    const auto end = offset + static_cast<int32_t>(at);
    const auto kind = bert_character(c);
    if (clean_text && kind.cleaning == BertCharacter::Cleaning::remove) continue;
    if (clean_text && kind.cleaning == BertCharacter::Cleaning::space) c = ' ';
    const bool alone = chinese_characters && kind.chinese;
    if (alone) out.push_back({' ', {begin, begin}});
    out.push_back({c, {begin, end}});
    if (alone) out.push_back({' ', {end, end}});
  }
  if (strip_accents) {
    decompose(out);
    std::erase_if(out, [](const NormalizedCharacter& n) { return bert_character(n.c).accent; });
  }
  if (lowercase) lower_case(out);
}

}  // namespace storm
