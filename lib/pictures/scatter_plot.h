// Labelled points in two dimensions, as SVG for papers and as an HTML page whose points say their text.
#pragma once

#include <array>
#include <string>
#include <vector>

namespace storm {

struct ScatterPlot {
  std::string title;
  std::vector<std::string> labels;           // [points]
  std::vector<std::array<float, 2>> points;  // finite
  std::array<double, 2> variance_shares{};   // of the two components, 0 to 1
};

// Both throw Error on a coordinate that is not finite, or another count of labels. Labels never overlap: what has no
// room around its point, with or without a leader line, is left out and the caption gives the count; earlier points
// choose first.
std::string scatter_svg(const ScatterPlot& plot);
std::string scatter_page(const ScatterPlot& plot);

}  // namespace storm
