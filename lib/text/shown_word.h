// Words in errors.
#pragma once

#include <string>
#include <string_view>

#include "base/printable.h"
#include "text/utf8.h"

namespace storm {

// In quotation marks, on one line, cut where it is long.
inline std::string shown_word(std::string_view word) {
  constexpr std::size_t kMost = 60;
  const auto cut = word.substr(0, kMost);
  return "'" + printable(replace_invalid_utf8(cut)) + (word.size() > kMost ? "...'" : "'");
}

}  // namespace storm
