// From numbers to colours that colour-blind eyes and grey prints keep in order: a few anchors, straight lines of sRGB
// between them.
#pragma once

#include <array>
#include <string>

namespace storm {

struct ColourScale {
  std::array<const char*, 5> anchors;  // "#rrggbb", from the lowest value to the highest
};

// Low is what the background is: for light pages and print after ColorBrewer's YlGnBu (Brewer and Harrower 2003), for
// dark ones after viridis (van der Walt and Smith 2015, matplotlib).
inline constexpr ColourScale kSequential{{"#fdfdea", "#c3e7b8", "#41b6c4", "#2260a8", "#081d58"}};
inline constexpr ColourScale kSequentialDark{{"#2d0b45", "#3b528b", "#21918c", "#5ec962", "#fde725"}};
// Around a middle that means nothing: after ColorBrewer's PuOr, orange below and purple above.
inline constexpr ColourScale kDiverging{{"#8a4a05", "#f0a953", "#f8f6f2", "#a49dcb", "#42187a"}};

// share: 0 the lowest, 1 the highest; what is outside is taken as the nearer of the two.
std::string colour(const ColourScale& scale, double share);

}  // namespace storm
