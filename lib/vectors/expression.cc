#include "vectors/expression.h"

#include <cmath>

#include "base/error.h"
#include "base/number.h"

namespace storm {

std::vector<WeightedWord> parse_expression(std::string_view text) {
  std::vector<WeightedWord> words;
  double sign = 1;
  bool signed_already = false;
  const auto refuse = [&](std::size_t at, const auto&... why) { fail("'", text, "': column ", at + 1, ": ", why...); };
  for (std::size_t at = text.find_first_not_of(" \t"); at != text.npos; at = text.find_first_not_of(" \t", at)) {
    const auto token = text.substr(at, text.find_first_of(" \t", at) - at);
    if (token == "+" || token == "-") {
      if (signed_already) refuse(at, "a word is wanted, not another sign");
      sign = token == "-" ? -1 : 1;
      signed_already = true;
    } else {
      if (!words.empty() && !signed_already) refuse(at, "+ or - is wanted before '", token, "'");
      const auto star = token.find('*');
      const auto weight = parse_number<double>(token.substr(0, star));
      const bool weighted = star != token.npos && star + 1 < token.size() && weight;
      if (weighted && (!std::isfinite(*weight) || *weight == 0)) refuse(at, "'", token, "' has no part in a sum");
      words.push_back({sign * (weighted ? *weight : 1), std::string(weighted ? token.substr(star + 1) : token)});
      signed_already = false;
    }
    at += token.size();
  }
  if (words.empty() || signed_already) refuse(text.size(), "a word is wanted");
  return words;
}

}  // namespace storm
