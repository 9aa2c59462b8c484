// A matrix as a heat map for papers: SVG with text as text, on white.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pictures/colour_scale.h"

namespace storm {

struct HeatMap {
  std::string id;  // begins the names of the parts that the SVG refers to: its own for each picture on a page
  std::string title, row_axis, col_axis, value_name;  // what the rows, the columns and the values are
  std::vector<std::string> row_labels, col_labels;    // [rows], [cols]; an empty one leaves its tick without a label
  int64_t rows = 0, cols = 0;
  std::vector<float> values;  // [rows, cols]; what is not finite is drawn empty (hatched)
  double low = 0, high = 1;   // the values of the scale's ends
  ColourScale scale = kSequential;
  double pitch = 16;  // px from one row or column to the next; labels, 11 px high, want 14 and more
};

// An SVG document. Labels longer than 24 em are cut with an ellipsis.
std::string heat_map_svg(const HeatMap& map);

// Maps without labels side by side, `across` of them in a row, each under its title; one legend: all of one scale.
std::string heat_map_grid_svg(const std::string& title, const std::string& caption, const std::vector<HeatMap>& maps,
                              int64_t across);

}  // namespace storm
