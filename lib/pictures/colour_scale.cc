#include "pictures/colour_scale.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>

namespace storm {

std::string colour(const ColourScale& scale, double share) {
  const double place = std::clamp(share, 0.0, 1.0) * static_cast<double>(scale.anchors.size() - 1);
  const auto below = std::min(static_cast<std::size_t>(place), scale.anchors.size() - 2);
  const double part = place - static_cast<double>(below);
  const auto value = [&](std::size_t i) { return std::strtoul(scale.anchors[i] + 1, nullptr, 16); };
  std::string out = "#";
  for (const int shift : {16, 8, 0}) {
    const auto channel = [&](std::size_t i) { return static_cast<double>(value(i) >> shift & 255); };
    const auto mixed = std::lround(channel(below) * (1 - part) + channel(below + 1) * part);
    out += {"0123456789abcdef"[mixed >> 4], "0123456789abcdef"[mixed & 15]};
  }
  return out;
}

}  // namespace storm
