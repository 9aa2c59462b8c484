// Tables of text, in frames or for LaTeX.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace storm {

std::size_t characters(std::string_view text);  // of valid UTF-8
std::string repeat(std::string_view piece, std::size_t times);
std::string right(std::string_view text, std::size_t width);  // spaces before it

// A cell is one line or, in a grid, several.
using Cell = std::vector<std::string>;

// The first column is set right, the others centred.
struct Grid {
  std::vector<Cell> header;
  std::vector<std::vector<Cell>> rows;
  std::vector<std::size_t> widths() const;
};

std::string plain_grid(const Grid& grid);  // all set right, without a frame; cells of one line
std::string fancy_grid(const Grid& grid);  // as Python's tabulate draws it
std::string latex_table(Grid grid);        // a tabular with booktabs' rules; what LaTeX would read otherwise is escaped

}  // namespace storm
