#include "pictures/scatter_plot.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/number.h"
#include "pictures/label_places.h"
#include "pictures/markup.h"
#include "pictures/page.h"

namespace storm {

namespace {

constexpr std::string_view kPage =
#include "pictures/scatter_page.html.raw"
    ;
constexpr std::string_view kStyle =
#include "pictures/scatter_page.css.raw"
    ;
constexpr std::string_view kScript =
#include "pictures/scatter_page.js.raw"
    ;

constexpr double kWidth = 860, kLeft = 70, kTop = 60, kRight = 14, kBottom = 52;
constexpr double kAcross = kWidth - kLeft - kRight, kHighest = 640, kLowest = 260, kFont = 11;

std::string n(double value) { return short_number(value); }

// Where everything stands. One unit is as long on both axes, so that distances are those of the data.
struct Layout {
  double middle_x = 0, middle_y = 0, unit = 1, down = kLowest;  // unit: px
  double radius = 3, font = kFont;
  std::vector<Spot> spots;  // [points], px

  double x(double value) const { return kLeft + kAcross / 2 + (value - middle_x) * unit; }
  double y(double value) const { return kTop + down / 2 - (value - middle_y) * unit; }
};

Layout layout(const ScatterPlot& plot) {
  require(plot.labels.size() == plot.points.size(), "the scatter plot '", plot.title, "' has ", plot.labels.size(),
          " labels for ", plot.points.size(), " points");
  double low[2] = {0, 0}, high[2] = {0, 0};
  for (std::size_t i = 0; i < plot.points.size(); ++i)
    for (const std::size_t k : {0u, 1u}) {
      const double v = plot.points[i][k];
      require(std::isfinite(v), "the scatter plot '", plot.title, "': point ", i + 1,
              " has a coordinate that is not finite");
      low[k] = i == 0 ? v : std::min(low[k], v);
      high[k] = i == 0 ? v : std::max(high[k], v);
    }
  Layout out;
  const double range_x = high[0] - low[0], range_y = high[1] - low[1];
  const double across = kAcross - 60;  // room for labels at the edges
  if (range_x > 0 || range_y > 0)
    out.unit = std::min(range_x > 0 ? across / range_x : 1e300, range_y > 0 ? (kHighest - 40) / range_y : 1e300);
  out.down = std::clamp(range_y * out.unit + 40, kLowest, kHighest);
  out.middle_x = (low[0] + high[0]) / 2;
  out.middle_y = (low[1] + high[1]) / 2;
  if (plot.points.size() > 250) out.radius = 2, out.font = 9.5;
  if (plot.points.size() > 2000) out.radius = 1.3, out.font = 9;
  for (const auto& p : plot.points) out.spots.push_back({out.x(p[0]), out.y(p[1])});
  return out;
}

std::string line(double x1, double y1, double x2, double y2, const char* kind, const char* stroke) {
  return str("<path class=\"", kind, "\" d=\"M", n(x1), ' ', n(y1), 'L', n(x2), ' ', n(y2), "\" stroke=\"", stroke,
             "\"/>\n");
}

std::string text(double x, double y, const std::string& words, const std::string& more = "") {
  return str("<text x=\"", n(x), "\" y=\"", n(y), "\"", more, '>', markup_text(words), "</text>\n");
}

// About eight ticks an axis, 1, 2 or 5 times a power of ten apart.
std::string axes(const Layout& at) {
  const double rough = kAcross / at.unit / 10, power = std::pow(10, std::floor(std::log10(rough)));
  const double step = power * (rough / power < 2 ? 2 : rough / power < 5 ? 5 : 10);
  const int digits = std::max(0, static_cast<int>(-std::floor(std::log10(step) + 1e-9)));
  const auto words = [&](double v) {
    const bool large = std::fabs(v) >= 1e6 || digits > 6;
    return large ? str(v) : fixed(v == 0 ? 0 : v, digits);
  };
  const double half_x = kAcross / 2 / at.unit, half_y = at.down / 2 / at.unit;
  std::string out;
  for (double k = std::ceil((at.middle_x - half_x) / step); k * step <= at.middle_x + half_x; ++k) {
    out += line(at.x(k * step), kTop, at.x(k * step), kTop + at.down, "grid", k == 0 ? "#c4c4c4" : "#ececec");
    out += text(at.x(k * step), kTop + at.down + 15, words(k * step),
                " class=\"tick\" text-anchor=\"middle\" fill=\"#666\"");
  }
  for (double k = std::ceil((at.middle_y - half_y) / step); k * step <= at.middle_y + half_y; ++k) {
    out += line(kLeft, at.y(k * step), kLeft + kAcross, at.y(k * step), "grid", k == 0 ? "#c4c4c4" : "#ececec");
    out += text(kLeft - 6, at.y(k * step) + 4, words(k * step), " class=\"tick\" text-anchor=\"end\" fill=\"#666\"");
  }
  return out;
}

std::string svg_of(const ScatterPlot& plot, const Layout& at) {
  std::vector<double> widths;
  std::vector<std::string> shown;
  for (const auto& label : plot.labels) {
    shown.push_back(shortened(label, 20));
    widths.push_back(text_width(shown.back()) * at.font);
  }
  const Box area{kLeft + 2, kTop + 2, kLeft + kAcross - 2, kTop + at.down - 2};
  const auto places = place_labels(at.spots, widths, at.font * 1.15, at.radius, area);
  const auto wanted = std::count_if(widths.begin(), widths.end(), [](double w) { return w > 0; });
  const auto placed = std::count_if(places.begin(), places.end(), [](const auto& p) { return p.has_value(); });

  const auto component = [&](int k) {
    return str("principal component ", k + 1, " (", fixed(100 * plot.variance_shares[static_cast<std::size_t>(k)], 1),
               " % of the variance)");
  };
  const double height = kTop + at.down + kBottom;
  std::string out =
      str("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"", n(kWidth), "\" height=\"", n(height),
          "\" viewBox=\"0 0 ", n(kWidth), ' ', n(height), "\" role=\"img\" font-size=\"", n(kFont),
          "\" font-family=\"Noto Sans, DejaVu Sans, Arial, sans-serif\" fill=\"#222\">\n<title>",
          markup_text(plot.title), "</title>\n<rect class=\"back\" width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n");
  out += text(kLeft, 24, plot.title, " font-size=\"13\" font-weight=\"bold\"");
  std::string caption = str(plot.points.size(), plot.points.size() == 1 ? " point" : " points");
  if (placed < wanted)
    caption +=
        str("; ", wanted - placed, wanted - placed == 1 ? " label" : " labels", " left out where there was no room");
  out += text(kLeft, 44, caption, " class=\"caption\" fill=\"#666\"");
  if (!plot.points.empty()) out += axes(at);
  out += str("<rect class=\"frame\" x=\"", n(kLeft), "\" y=\"", n(kTop), "\" width=\"", n(kAcross), "\" height=\"",
             n(at.down), "\" fill=\"none\" stroke=\"#aaa\"/>\n");
  out += text(kLeft + kAcross / 2, kTop + at.down + 36, component(0), " text-anchor=\"middle\"");
  out += str("<text transform=\"translate(16 ", n(kTop + at.down / 2), ") rotate(-90)\" text-anchor=\"middle\">",
             markup_text(component(1)), "</text>\n");
  for (const auto& place : places)
    if (place && place->leader) out += line(place->from.x, place->from.y, place->to.x, place->to.y, "leader", "#999");
  out += str("<g class=\"points\" fill=\"#1f6fb2\" fill-opacity=\".75\">\n");
  for (const auto& spot : at.spots)
    out += str("<circle cx=\"", n(spot.x), "\" cy=\"", n(spot.y), "\" r=\"", n(at.radius), "\"/>\n");
  out += str("</g>\n<g class=\"labels\" font-size=\"", n(at.font), "\" text-anchor=\"middle\">\n");
  for (std::size_t i = 0; i < places.size(); ++i)
    if (const auto& place = places[i]) {
      // Held at the end that is next to the point, since the width is an upper estimate.
      const bool rtl = right_to_left(shown[i]);
      const double x = place->side > 0   ? place->box.left
                       : place->side < 0 ? place->box.right
                                         : (place->box.left + place->box.right) / 2;
      const char* anchor = place->side == 0           ? ""
                           : (place->side > 0) != rtl ? " text-anchor=\"start\""
                                                      : " text-anchor=\"end\"";
      out += text(x, place->box.bottom - at.font * 0.28, shown[i], str(anchor, rtl ? " direction=\"rtl\"" : ""));
    }
  return out + "</g>\n</svg>\n";
}

}  // namespace

std::string scatter_svg(const ScatterPlot& plot) { return svg_of(plot, layout(plot)); }

std::string scatter_page(const ScatterPlot& plot) {
  const Layout at = layout(plot);
  std::string data = "[";
  for (std::size_t i = 0; i < plot.points.size(); ++i)
    data += str(i == 0 ? "\n[" : ",\n[", n(at.spots[i].x), ',', n(at.spots[i].y), ",\"", fixed(plot.points[i][0], 4),
                "\",\"", fixed(plot.points[i][1], 4), "\",", json_text(plot.labels[i]), ']');
  return filled(kPage, {{"title", markup_text(plot.title)},
                        {"style", str(kPageStyle, kStyle)},
                        {"picture", svg_of(plot, at)},
                        {"data", data + "]"},
                        {"script", str(kPageScript, kScript)}});
}

}  // namespace storm
