// The language-dependent part of mteval-v13a (NIST), which sacreBLEU uses for 13a and zh and Tercom's normalisation for
// TER: ASCII symbols stand alone; points and commas too unless between digits; so does a dash behind a digit.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace storm {

struct WesternRules {
  bool edge_is_digit = false;                // what the text's ends count as beside a point or comma
  bool possessive = false;                   // cut before 's where a word ends behind it
  bool (*stands_alone)(char32_t) = nullptr;  // further characters that are tokens of their own
};

// Appends the tokens, which are views of the text. White space is Python's.
void cut_western(std::string_view text, const WesternRules& rules, std::vector<std::string_view>& tokens);

// XML's escapes undone in mteval-v13a's order, so that "&amp;lt;" becomes "<"; with line_breaks, also its <skipped> and
// hyphens at line ends taken out. Where there is nothing to do, the segment itself, otherwise a view of buffer.
std::string_view unescape_xml(std::string_view segment, bool line_breaks, std::string& buffer);

}  // namespace storm
