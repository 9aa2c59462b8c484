// Numbers from text, the same under every locale; the whole text must be the number.
#pragma once

#include <charconv>
#include <optional>
#include <string>
#include <string_view>

namespace storm {

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// A number with a fixed count of digits after the point, correctly rounded.
inline std::string fixed(double value, int digits) {
  char text[400];  // the largest double has 309 digits before the point
  const auto [end, error] = std::to_chars(text, text + sizeof text, value, std::chars_format::fixed, digits);
  return error == std::errc{} ? std::string(text, end) : std::string("nan");
}

// The fewest digits that are read as the same number.
inline std::string shortest(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

}  // namespace storm
