#include "vectors/caseless_rows.h"

#include <algorithm>

#include "text/unicode.h"
#include "text/utf8.h"

namespace storm {

std::string fold_ascii_case(std::string_view word) {
  std::string folded(word);
  for (char& c : folded) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  return folded;
}

std::string fold_case(std::string_view word) {
  const auto is_ascii = [](char c) { return static_cast<signed char>(c) >= 0; };
  if (std::ranges::all_of(word, is_ascii) || valid_utf8_prefix(word) < word.size()) return fold_ascii_case(word);
  std::string folded;
  for (std::size_t at = 0; at < word.size();) {
    const auto c = lower_of(next_code_point(word, at));
    switch (c) {  // letters of lower case that share an upper case with others
      case U'ß':
        folded += "ss";
        break;
      case U'ı':
        folded += 'i';
        break;
      case U'ſ':
        folded += 's';
        break;
      case U'ς':
        folded += "σ";
        break;
      case U'µ':
        folded += "μ";
        break;  // the micro sign
      default:
        append_utf8(folded, c);
    }
  }
  return folded;
}

CaselessRows::CaselessRows(const WordTable& table, int64_t rows, CaseFold fold) : fold_(fold) {
  const auto n = std::min(rows, table.size());
  rows_.reserve(static_cast<std::size_t>(n));
  for (int64_t row = 0; row < n; ++row) rows_.try_emplace(fold(table.word(row)), row);
}

int64_t CaselessRows::row_of(std::string_view word) const {
  const auto it = rows_.find(fold_(word));
  return it == rows_.end() ? -1 : it->second;
}

}  // namespace storm
