// Floats from text, where numbers that no float holds exactly are no errors.
#pragma once

#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>

#include "base/number.h"

namespace storm {

// The decimal number, to the nearest f32: NaN and infinities too. None for what is no number and for what f32 does not
// reach.
inline std::optional<float> parse_float(std::string_view text) {
  float value = 0;
  const auto end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (at != end || text.empty()) return {};
  if (error == std::errc{}) return value;
  const auto wide = parse_number<double>(text);  // below the smallest float, or above the largest
  if (!wide || std::abs(*wide) >= 1) return {};
  return static_cast<float>(*wide);
}

}  // namespace storm
