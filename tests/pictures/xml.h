// A strict little reader of XML: what is wrong with a document, nothing when it is well-formed. Knows elements,
// attributes, text, the five entities and characters by number; no comments, sections or declarations, which STORM does
// not write.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/utf8.h"

namespace storm::test {

inline std::string wrong_with_xml(std::string_view xml) {
  if (valid_utf8_prefix(xml) != xml.size()) return "invalid UTF-8";
  std::vector<std::string> open;
  bool had_root = false;
  const auto wrong_text = [](std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      const auto c = static_cast<unsigned char>(text[i]);
      if (c < 0x20 && c != '\n' && c != '\t') return true;
      if (c != '&') continue;
      bool known = false;
      for (const std::string_view entity : {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"})
        known = known || text.substr(i).starts_with(entity);
      if (!known) return true;
    }
    return false;
  };
  while (!xml.empty()) {
    const auto tag = xml.find('<');
    if (wrong_text(xml.substr(0, tag))) return "bad text: " + std::string(xml.substr(0, 60));
    if (open.empty() && xml.substr(0, tag).find_first_not_of("\n ") != std::string_view::npos)
      return "text outside the root";
    if (tag == std::string_view::npos) break;
    xml.remove_prefix(tag + 1);
    std::size_t end = 0;
    char quote = 0;
    for (; end < xml.size() && (quote || xml[end] != '>'); ++end) {
      if (quote ? xml[end] == quote : xml[end] == '"')
        quote = quote ? 0 : '"';
      else if (xml[end] == '<')
        return "< in a tag";
    }
    if (end == xml.size()) return "a tag has no end";
    std::string_view inside = xml.substr(0, end);
    xml.remove_prefix(end + 1);
    if (inside.starts_with("/")) {
      if (open.empty() || open.back() != inside.substr(1))
        return "</" + std::string(inside.substr(1)) + "> closes nothing";
      open.pop_back();
      continue;
    }
    const bool closed = inside.ends_with("/");
    if (closed) inside.remove_suffix(1);
    if (open.empty() && had_root) return "a second root";
    had_root = true;
    const auto name = inside.substr(0, inside.find(' '));
    if (name.empty()) return "a tag without a name";
    if (!closed) open.emplace_back(name);
    inside.remove_prefix(name.size());
    std::vector<std::string_view> seen;
    while (!inside.empty()) {
      const auto equals = inside.find("=\"");
      if (inside[0] != ' ' || equals == std::string_view::npos) return "bad attributes: " + std::string(inside);
      const auto key = inside.substr(1, equals - 1);
      const auto close = inside.find('"', equals + 2);
      if (close == std::string_view::npos || key.empty() || key.find_first_of(" \"'&") != std::string_view::npos)
        return "bad attribute: " + std::string(key);
      for (const auto other : seen)
        if (other == key) return "twice: " + std::string(key);
      seen.push_back(key);
      if (wrong_text(inside.substr(equals + 2, close - equals - 2))) return "bad value of " + std::string(key);
      inside.remove_prefix(close + 1);
    }
  }
  return open.empty() && had_root ? "" : "not closed";
}

}  // namespace storm::test
