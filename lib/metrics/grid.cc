#include "metrics/grid.h"

#include <algorithm>

namespace storm {

namespace {

std::string centre(std::string_view text, std::size_t width) {
  const std::size_t space = width - characters(text);
  return repeat(" ", space / 2).append(text) + repeat(" ", space - space / 2);
}

// As its column is set, with a space on both sides.
std::string aligned(const std::vector<std::size_t>& widths, std::size_t column, std::string_view text) {
  return " " + (column == 0 ? right(text, widths[0]) : centre(text, widths[column])) + " ";
}

std::string latex_escaped(std::string_view text) {
  std::string all;
  for (const char c : text) {
    if (std::string_view("&%$#_{}").find(c) != std::string_view::npos)
      (all += '\\') += c;
    else if (c == '^')
      all += "\\^{}";
    else if (c == '~')
      all += "\\textasciitilde{}";
    else if (c == '\\')
      all += "\\textbackslash{}";
    else if (c == '<' || c == '>')
      (all += "\\ensuremath{").append(1, c) += "}";
    else
      all += c;
  }
  return all;
}

}  // namespace

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string repeat(std::string_view piece, std::size_t times) {
  std::string all;
  while (times-- > 0) all += piece;
  return all;
}

std::string right(std::string_view text, std::size_t width) {
  return repeat(" ", width - std::min(width, characters(text))).append(text);
}

std::vector<std::size_t> Grid::widths() const {
  std::vector<std::size_t> all;
  for (std::size_t c = 0; c < header.size(); ++c) {
    all.push_back(characters(header[c][0]) + 2);
    for (const auto& row : rows)
      for (const auto& line : row[c]) all[c] = std::max(all[c], characters(line));
  }
  return all;
}

std::string plain_grid(const Grid& grid) {
  auto rows = grid.rows;
  rows.insert(rows.begin(), grid.header);
  std::vector<std::size_t> widths(grid.header.size());
  for (const auto& row : rows)
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], characters(row[c][0]));
  std::string all;
  for (const auto& row : rows) {
    for (std::size_t c = 0; c < row.size(); ++c) all += (c ? "  " : "") + right(row[c][0], widths[c]);
    all += "\n";
  }
  return all;
}

std::string fancy_grid(const Grid& grid) {
  const auto widths = grid.widths();
  const auto rule = [&](std::string_view left, std::string_view line, std::string_view cross, std::string_view end) {
    std::string all(left);
    for (std::size_t c = 0; c < widths.size(); ++c) all.append(c ? cross : "") += repeat(line, widths[c] + 2);
    return all.append(end) + "\n";
  };
  const auto row = [&](const std::vector<Cell>& cells) {
    std::string all;
    std::size_t lines = 0;
    for (const auto& cell : cells) lines = std::max(lines, cell.size());
    for (std::size_t line = 0; line < lines; ++line) {
      for (std::size_t c = 0; c < cells.size(); ++c)
        all += "│" + aligned(widths, c, line < cells[c].size() ? cells[c][line] : "");
      all += "│\n";
    }
    return all;
  };
  std::string all = rule("╒", "═", "╤", "╕") + row(grid.header) + rule("╞", "═", "╪", "╡");
  for (std::size_t r = 0; r < grid.rows.size(); ++r) all += (r ? rule("├", "─", "┼", "┤") : "") + row(grid.rows[r]);
  return all + rule("╘", "═", "╧", "╛");
}

std::string latex_table(Grid grid) {
  for (auto& row : grid.rows)  // one line a cell
    for (auto& cell : row)
      for (; cell.size() > 1; cell.erase(cell.begin() + 1)) cell[0] += " " + cell[1];
  const auto widths = grid.widths();
  const auto row = [&](const std::vector<Cell>& cells) {
    std::string all;
    for (std::size_t c = 0; c < cells.size(); ++c)
      all += (c ? "&" : "") + latex_escaped(aligned(widths, c, cells[c][0]));
    return all + "\\\\\n";
  };
  std::string all =
      "\\begin{tabular}{r" + std::string(widths.size() - 1, 'c') + "}\n\\toprule\n" + row(grid.header) + "\\midrule\n";
  for (const auto& r : grid.rows) all += row(r);
  return all + "\\bottomrule\n\\end{tabular}\n";
}

}  // namespace storm
