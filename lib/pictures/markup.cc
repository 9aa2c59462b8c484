#include "pictures/markup.h"

#include <cstdint>

#include "base/number.h"
#include "text/utf8.h"

namespace storm {

namespace {

// Calls body(code point, its bytes) for each character of valid UTF-8, while it returns true.
template <class Body>
void each_character(std::string_view text, Body body) {
  for (std::size_t at = 0; at < text.size();) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const std::size_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    uint32_t code = size == 1 ? lead : lead & (0x7fu >> size);
    for (std::size_t i = 1; i < size; ++i) code = code << 6 | (static_cast<unsigned char>(text[at + i]) & 0x3f);
    if (!body(code, text.substr(at, size))) return;
    at += size;
  }
}

bool within(uint32_t code, uint32_t first, uint32_t last) { return code >= first && code <= last; }

bool combining(uint32_t c) {
  return within(c, 0x300, 0x36f) || within(c, 0x591, 0x5bd) || within(c, 0x610, 0x61a) || within(c, 0x64b, 0x65f) ||
         within(c, 0x200b, 0x200f) || within(c, 0x202a, 0x202e) || within(c, 0x2060, 0x206f) ||
         within(c, 0xfe00, 0xfe0f);
}

bool wide(uint32_t c) {
  return within(c, 0x1100, 0x115f) || within(c, 0x2e80, 0xa4cf) || within(c, 0xac00, 0xd7a3) ||
         within(c, 0xf900, 0xfaff) || within(c, 0xfe30, 0xfe6f) || within(c, 0xff00, 0xff60) ||
         within(c, 0x1f300, 0x1faff) || within(c, 0x20000, 0x3fffd) || within(c, 0x2400, 0x259f) || c == 0xfffd;
}

double character_width(uint32_t c) {
  if (combining(c)) return 0;
  if (wide(c)) return 1.05;
  if (c < 0x80 && std::string_view("ilj.,:;'|!()[] ft").find(static_cast<char>(c)) != std::string_view::npos)
    return 0.42;
  if (c == 'm' || c == 'w' || c == 'M' || c == 'W' || c == '%' || c == '@') return 1;
  if (within(c, 'A', 'Z') || within(c, 0x400, 0x4ff)) return 0.75;
  return 0.65;
}

// Valid UTF-8 without what XML 1.0 forbids or no eye can see.
std::string visible(std::string_view text) {
  const std::string valid = replace_invalid_utf8(text);
  std::string out;
  each_character(valid, [&](uint32_t code, std::string_view bytes) {
    if (code < 0x20)
      out += {'\xe2', '\x90', static_cast<char>(0x80 + code)};
    else if (code == 0x7f)
      out += "\u2421";
    else if (within(code, 0x80, 0x9f) || within(code, 0xfffe, 0xffff))
      out += "\ufffd";
    else if (code == 0x2028 || code == 0x2029)
      out += "\u2424";
    else
      out += bytes;
    return true;
  });
  return out;
}

}  // namespace

std::string markup_text(std::string_view text) {
  std::string out;
  for (const char c : visible(text)) switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  return out;
}

std::string json_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : visible(text)) switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '<':
        out += "\\u003c";
        break;
      default:
        out += c;
    }
  return out + '"';
}

bool right_to_left(std::string_view text) {
  bool found = false;
  each_character(replace_invalid_utf8(text), [&](uint32_t c, std::string_view) {
    found = within(c, 0x590, 0x8ff) || c == 0x200f || within(c, 0xfb1d, 0xfdff) || within(c, 0xfe70, 0xfeff) ||
            within(c, 0x10800, 0x10fff) || within(c, 0x1e800, 0x1efff);
    const bool letter = within(c, 'A', 'Z') || within(c, 'a', 'z') ||
                        (c >= 0xc0 && !within(c, 0x2000, 0x2bff) && !within(c, 0x3000, 0x3004) && c != 0xfffd);
    return !found && !letter;
  });
  return found;
}

double text_width(std::string_view text) {
  double width = 0;
  each_character(visible(text), [&](uint32_t code, std::string_view) {
    width += character_width(code);
    return true;
  });
  return width;
}

std::string shortened(std::string_view text, double em) {
  const std::string shown = visible(text);
  if (text_width(shown) <= em) return shown;
  std::string out;
  double width = 1;
  each_character(shown, [&](uint32_t code, std::string_view bytes) {
    width += character_width(code);
    if (width <= em) out += bytes;
    return width <= em;
  });
  return out + "\u2026";
}

std::string short_number(double value) {
  std::string text = fixed(value, 2);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

}  // namespace storm
