#include "pictures/heat_map_svg.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"
#include "base/number.h"
#include "pictures/markup.h"

namespace storm {

namespace {

constexpr double kFont = 11, kTitle = 13, kMargin = 10, kLegend = 150;
constexpr double kLongest = 24;                                      // em
constexpr int kLevels = 128;                                         // colours, legend included
const double kSine = std::sin(std::numbers::pi / 3), kCosine = 0.5;  // column labels lean by 60 degrees

std::string n(double value) { return short_number(value); }

// Which of the scale's colours a value has; -1: none.
int level(const HeatMap& map, int64_t row, int64_t col) {
  const double value = map.values[static_cast<std::size_t>(row * map.cols + col)];
  if (!std::isfinite(value)) return -1;
  const double share = map.high > map.low ? (value - map.low) / (map.high - map.low) : 0;
  return static_cast<int>(std::lround(std::clamp(share, 0.0, 1.0) * (kLevels - 1)));
}

// One path a colour, of runs of equal cells along the rows or the columns, whichever are fewer; in units of a cell.
std::string cells(const HeatMap& map) {
  struct Runs {
    std::vector<std::string> paths = std::vector<std::string>(kLevels + 1);
    int64_t count = 0;
  };
  const auto runs = [&](bool across) {
    Runs found;
    const int64_t lines = across ? map.rows : map.cols, length = across ? map.cols : map.rows;
    const auto at = [&](int64_t line, int64_t i) { return across ? level(map, line, i) : level(map, i, line); };
    for (int64_t line = 0; line < lines; ++line)
      for (int64_t from = 0, to; from < length; from = to, ++found.count) {
        for (to = from + 1; to < length && at(line, to) == at(line, from);) ++to;
        auto& path = found.paths[static_cast<std::size_t>(at(line, from) + 1)];
        if (across)
          path += str('M', from, ' ', line, 'h', to - from, "v1h", from - to, 'z');
        else
          path += str('M', line, ' ', from, "h1v", to - from, "h-1z");
      }
    return found;
  };
  Runs by_row = runs(true), by_col = runs(false);
  const auto& best = by_col.count < by_row.count ? by_col : by_row;
  std::string out;
  for (int i = 0; i <= kLevels; ++i)
    if (const auto& path = best.paths[static_cast<std::size_t>(i)]; !path.empty())
      out +=
          str("<path fill=\"", i == 0 ? str("url(#", map.id, "empty)") : colour(map.scale, (i - 1) / (kLevels - 1.0)),
              "\" d=\"", path, "\"/>\n");
  return out;
}

// The cells at their place, framed.
std::string body(const HeatMap& map, double x, double y) {
  return str("<g transform=\"translate(", n(x), ' ', n(y), ") scale(", n(map.pitch),
             ")\" shape-rendering=\"crispEdges\">\n", cells(map), "</g>\n<rect x=\"", n(x), "\" y=\"", n(y),
             "\" width=\"", n(static_cast<double>(map.cols) * map.pitch), "\" height=\"",
             n(static_cast<double>(map.rows) * map.pitch), "\" fill=\"none\" stroke=\"#888\" stroke-width=\".6\"/>\n");
}

// SentencePiece's mark of a word's begin is grey, so that the word stands out.
std::string piece(const std::string& text) {
  const std::string mark = "\u2581";
  if (!text.starts_with(mark) || text == mark) return markup_text(text);
  return str("<tspan fill=\"#9a9a9a\">", mark, "</tspan>", markup_text(text.substr(mark.size())));
}

enum class Side { left, right };

// A label whose left or right end is at the origin of `transform`, whichever way its script runs.
std::string label(const std::string& text, const std::string& transform, Side fixed_side) {
  const bool rtl = right_to_left(text);
  return str("<text transform=\"", transform, "\"", rtl ? " direction=\"rtl\"" : "",
             (fixed_side == Side::right) != rtl ? " text-anchor=\"end\"" : "", '>', piece(shortened(text, kLongest)),
             "</text>\n");
}

std::string text_at(double x, double y, const std::string& text, const std::string& more = "") {
  return str("<text x=\"", n(x), "\" y=\"", n(y), "\"", more, '>', markup_text(text), "</text>\n");
}

// A number of the legend, with as many digits as all of them need, or as tell its ends apart.
std::string legend_number(const HeatMap& map, double value) {
  const double range = map.high - map.low;
  int digits = range >= 20 ? 1 : range >= 0.5 ? 2 : 4;
  const auto fits = [&](int d) {
    const auto exact = [&](double v) {
      return std::fabs(v * std::pow(10, d) - std::round(v * std::pow(10, d))) < 1e-9;
    };
    return exact(map.low) && exact(map.high) && exact((map.low + map.high) / 2);
  };
  while (digits > 0 && fits(digits - 1)) --digits;
  return fixed(value, digits);
}

std::string legend(const HeatMap& map, bool any_empty, double x, double y) {
  std::string out = text_at(x, y + 9, map.value_name);
  const double bar = x + text_width(map.value_name) * kFont + 10;
  out += str("<rect x=\"", n(bar), "\" y=\"", n(y), "\" width=\"", n(kLegend), "\" height=\"11\" fill=\"url(#", map.id,
             "scale)\" stroke=\"#888\" stroke-width=\".6\"/>\n");
  const int parts = map.high > map.low ? 2 : 1;
  for (int i = 0; i <= parts; ++i)
    out += text_at(bar + kLegend * i / parts, y + 24, legend_number(map, map.low + (map.high - map.low) * i / parts),
                   " text-anchor=\"middle\"");
  if (any_empty)
    out +=
        str("<rect x=\"", n(bar + kLegend + 24), "\" y=\"", n(y), "\" width=\"11\" height=\"11\" fill=\"url(#", map.id,
            "empty-key)\" stroke=\"#888\" stroke-width=\".6\"/>\n", text_at(bar + kLegend + 40, y + 9, "not seen"));
  return out;
}

double legend_width(const HeatMap& map) { return text_width(map.value_name) * kFont + kLegend + 110; }

std::string document(double width, double height, const std::string& title, const HeatMap& map,
                     const std::string& inside) {
  std::string stops;
  for (std::size_t i = 0; i < map.scale.anchors.size(); ++i)
    stops += str("<stop offset=\"", n(static_cast<double>(i) / static_cast<double>(map.scale.anchors.size() - 1)),
                 "\" stop-color=\"", map.scale.anchors[i], "\"/>");
  // The hatching is drawn in units of a cell, or it would grow with it.
  const auto hatching = [&](const char* id, double size) {
    return str("<pattern id=\"", map.id, id,
               "\" width=\"4\" height=\"4\" patternUnits=\"userSpaceOnUse\" patternTransform=\"scale(", fixed(size, 4),
               ") rotate(45)\"><path fill=\"#cfcfcf\" d=\"M0 0h1v4h-1z\"/></pattern>\n");
  };
  return str("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"", n(width), "\" height=\"", n(height),
             "\" viewBox=\"0 0 ", n(width), ' ', n(height), "\" role=\"img\" font-size=\"", n(kFont),
             "\" font-family=\"Noto Sans, DejaVu Sans, Arial, sans-serif\" fill=\"#222\">\n<title>", markup_text(title),
             "</title>\n<defs>\n<linearGradient id=\"", map.id, "scale\">", stops, "</linearGradient>\n",
             hatching("empty", 1 / map.pitch), hatching("empty-key", 1),
             "</defs>\n<rect class=\"back\" width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n", inside, "</svg>\n");
}

bool any_empty(const HeatMap& map) {
  return std::any_of(map.values.begin(), map.values.end(), [](float v) { return !std::isfinite(v); });
}

double widest(const std::vector<std::string>& labels) {
  double em = 0;
  for (const auto& text : labels) em = std::max(em, std::min(text_width(text), kLongest));
  return em * kFont;
}

void check(const HeatMap& map) {
  require(map.rows >= 0 && map.cols >= 0 && static_cast<int64_t>(map.values.size()) == map.rows * map.cols &&
              static_cast<int64_t>(map.row_labels.size()) == map.rows &&
              static_cast<int64_t>(map.col_labels.size()) == map.cols,
          "the heat map '", map.title, "' has other counts of values or labels than its ", map.rows, " rows and ",
          map.cols, " columns need");
}

}  // namespace

std::string heat_map_svg(const HeatMap& map) {
  check(map);
  const double across = static_cast<double>(map.cols) * map.pitch, down = static_cast<double>(map.rows) * map.pitch;
  const double longest = widest(map.col_labels);
  const bool lean = longest > map.pitch && longest > 0;
  const double left = kMargin + 16 + widest(map.row_labels) + 6;
  const double top = kMargin + 22 + 14 + (lean ? longest * kSine + kFont * 0.7 : kFont + 4);
  const double width = std::max({left + across + (lean ? longest * kCosine : 0), left + legend_width(map),
                                 text_width(map.title) * kTitle + kMargin, left + text_width(map.col_axis) * kFont}) +
                       kMargin;
  const double below = top + down + 18, height = std::max(below + 34, top + text_width(map.row_axis) * kFont);

  std::string out =
      text_at(kMargin, kMargin + 12, map.title, str(" font-size=\"", n(kTitle), "\" font-weight=\"bold\""));
  out += text_at(left, kMargin + 30, map.rows * map.cols > 0 ? map.col_axis : "no cells", " fill=\"#666\"");
  if (map.rows * map.cols > 0) {
    out += str("<text transform=\"translate(", n(kMargin + 8), ' ', n(top),
               ") rotate(-90)\" text-anchor=\"end\" fill=\"#666\">", markup_text(map.row_axis), "</text>\n");
    out += body(map, left, top);
  }
  for (int64_t j = 0; j < map.cols; ++j) {
    const double x = left + (static_cast<double>(j) + 0.5) * map.pitch;
    const auto& text = map.col_labels[static_cast<std::size_t>(j)];
    if (text.empty()) continue;
    if (lean)
      out += label(text, str("translate(", n(x + kFont * 0.3), ' ', n(top - 4), ") rotate(-60)"), Side::left);
    else
      out += str("<text x=\"", n(x), "\" y=\"", n(top - 4), "\" text-anchor=\"middle\">", piece(text), "</text>\n");
  }
  for (int64_t i = 0; i < map.rows; ++i)
    if (const auto& text = map.row_labels[static_cast<std::size_t>(i)]; !text.empty())
      out += label(
          text,
          str("translate(", n(left - 5), ' ', n(top + (static_cast<double>(i) + 0.5) * map.pitch + kFont * 0.36), ')'),
          Side::right);
  out += legend(map, any_empty(map), left, below);
  return document(width, height, map.title, map, out);
}

std::string heat_map_grid_svg(const std::string& title, const std::string& caption, const std::vector<HeatMap>& maps,
                              int64_t across) {
  require(!maps.empty() && across > 0, "a grid of heat maps needs one or more of them");
  double cell_width = 0, cell_height = 0;
  bool empty = false;
  for (const auto& map : maps) {
    check(map);
    cell_width = std::max({cell_width, static_cast<double>(map.cols) * map.pitch, text_width(map.title) * kFont});
    cell_height = std::max(cell_height, static_cast<double>(map.rows) * map.pitch);
    empty = empty || any_empty(map);
  }
  const double gap = 14, top = kMargin + 44, step = cell_height + kFont + gap;
  std::string out = text_at(kMargin, kMargin + 12, title, str(" font-size=\"", n(kTitle), "\" font-weight=\"bold\""));
  out += text_at(kMargin, kMargin + 30, caption, " fill=\"#666\"");
  for (std::size_t i = 0; i < maps.size(); ++i) {
    const double x = kMargin + static_cast<double>(static_cast<int64_t>(i) % across) * (cell_width + gap);
    const double y = top + static_cast<double>(static_cast<int64_t>(i) / across) * step;
    out += text_at(x, y + kFont - 3, maps[i].title);
    out += body(maps[i], x, y + kFont + 1);
  }
  const auto count = static_cast<int64_t>(maps.size());
  const double below = top + static_cast<double>((count + across - 1) / across) * step + 4;
  out += legend(maps[0], empty, kMargin, below);
  const double width =
      std::max({kMargin + static_cast<double>(std::min(across, count)) * (cell_width + gap),
                kMargin + legend_width(maps[0]), (text_width(caption) + 1) * kFont, text_width(title) * kTitle});
  return document(width + kMargin, below + 34, title, maps[0], out);
}

}  // namespace storm
