#include <cmath>
#include <limits>
#include <locale>

#include "base/error.h"
#include "pictures/heat_map_svg.h"
#include "pictures/label_places.h"
#include "pictures/markup.h"
#include "pictures/position_pictures.h"
#include "tests/catch.h"
#include "tests/errors.h"
#include "tests/pictures/samples.h"
#include "tests/pictures/xml.h"

namespace storm {

using test::scattered;
using test::wrong_with_xml;

namespace {

bool overlap(const Box& a, const Box& b) {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

struct Commas : std::numpunct<char> {
  char do_decimal_point() const override { return ','; }
  char do_thousands_sep() const override { return '.'; }
  std::string do_grouping() const override { return "\3"; }
};

}  // namespace

TEST_CASE("the check of XML finds what is wrong") {
  CHECK(wrong_with_xml("<a b=\"c\"><d/>&amp;</a>\n") == "");
  for (const char* bad : {"<a>", "<a></b>", "<a b=c/>", "<a>&</a>", "<a b=\"&x;\"/>", "<a/><b/>", "a",
                          "<a b=\"1\" b=\"2\"/>", "<a>\x01</a>", "<a>\xff</a>", "<a><</a>", ""}) {
    INFO(bad);
    CHECK(wrong_with_xml(bad) != "");
  }
}

TEST_CASE("text becomes markup that shows what it is") {
  CHECK(markup_text("<a href=\"x\">&'") == "&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
  CHECK(markup_text("a\tb\xff") == "a\u2409b\ufffd");
  CHECK(json_text("</script>\"\\\u2028") == "\"\\u003c/script>\\\"\\\\\u2424\"");
  CHECK(right_to_left("\u2581\u05e9\u05dc"));
  CHECK(right_to_left("12 \u0645"));
  CHECK_FALSE(right_to_left("\u2581a\u05e9"));
  CHECK_FALSE(right_to_left("\u6a5f\u05e9"));
  CHECK(shortened("Wagenmacher", 4).ends_with("\u2026"));
  CHECK(text_width(shortened("Wagenmacher", 4)) <= 4.1);
  CHECK(shortened("ab", 4) == "ab");
  CHECK(short_number(-0.001) == "0");
  CHECK(short_number(100) == "100");
  CHECK(short_number(2.50) == "2.5");
}

TEST_CASE("a heat map's cells have their values' colours, and runs of equal ones are one") {
  HeatMap map;
  map.rows = 2;
  map.cols = 3;
  map.row_labels = {"a", "b"};
  map.col_labels = {"x", "y", "z"};
  map.values = {0, 0, 1, 0, std::numeric_limits<float>::quiet_NaN(), 7};
  const auto svg = heat_map_svg(map);
  CHECK(wrong_with_xml(svg) == "");
  CHECK(contains(svg, "fill=\"#081d58\" d=\"M2 0h1v2h-1z\""));
  CHECK(contains(svg, "fill=\"#fdfdea\" d=\"M0 0h1v2h-1zM1 0h1v1h-1z\""));
  CHECK(contains(svg, "fill=\"url(#empty)\" d=\"M1 1h1v1h-1z\""));
  CHECK(contains(svg, "not seen"));
  map.values.pop_back();
  CHECK_THROWS_AS(heat_map_svg(map), Error);
}

TEST_CASE("position pictures say what they leave out and stay below 300 kB") {
  for (const auto& [positions, d_model] : std::vector<std::pair<int64_t, int64_t>>{
           {1, 1}, {1, 2}, {7, 5}, {112, 96}, {512, 512}, {5000, 1024}, {64, 97}, {300, 130}}) {
    INFO(positions << " positions, d_model " << d_model);
    for (const auto& picture : position_pictures(positions, d_model)) CHECK(wrong_with_xml(picture.svg) == "");
    CHECK(positions_page(positions, d_model).size() < 300'000);
  }
  const auto large = position_pictures(512, 512);
  CHECK(large[0].name == "positions-interleaved");
  CHECK(contains(large[0].svg, "one in 6 of 256 pairs"));
  CHECK(contains(large[0].svg, "the first 112 of 512"));
  CHECK(contains(large[3].svg, "one in 8 of 512 positions"));
  CHECK_FALSE(contains(position_pictures(64, 96)[0].svg, "one in"));
  CHECK_THROWS_AS(position_pictures(0, 4), Error);
  CHECK_THROWS_AS(position_pictures(int64_t{1} << 40, 1 << 20), Error);
}

TEST_CASE("position pictures show sines and cosines in their layout") {
  // Position 0: sin 0 = 0 in the middle of the scale, cos 0 = 1 at its end.
  const auto middle = colour(kDiverging, 64 / 127.0), end = colour(kDiverging, 1);
  const auto pictures = position_pictures(1, 4);
  CHECK(contains(pictures[0].svg, str("fill=\"", middle, "\" d=\"M0 0h1v1h-1zM2 0h1v1h-1z\"")));
  CHECK(contains(pictures[0].svg, str("fill=\"", end, "\" d=\"M1 0h1v1h-1zM3 0h1v1h-1z\"")));
  CHECK(contains(pictures[1].svg, str("fill=\"", middle, "\" d=\"M0 0h2v1h-2z\"")));
  CHECK(contains(pictures[1].svg, str("fill=\"", end, "\" d=\"M2 0h2v1h-2z\"")));
  CHECK(contains(pictures[2].svg, str("fill=\"", colour(kSequential, 1), "\" d=\"M0 0h1v1h-1z\"")));
}

TEST_CASE("labels overlap neither each other nor a point, and stay inside") {
  const auto plot = scattered(600);
  std::vector<Spot> points;
  std::vector<double> widths;
  for (std::size_t i = 0; i < plot.points.size(); ++i) {
    points.push_back({100 + 80.0 * plot.points[i][0], 200 + 80.0 * plot.points[i][1]});
    widths.push_back(8.0 * static_cast<double>(i % 9));
  }
  const Box area{0, 0, 700, 500};
  const auto places = place_labels(points, widths, 11, 2, area);
  std::size_t placed = 0, leaders = 0;
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (!places[i]) continue;
    ++placed;
    leaders += places[i]->leader;
    const Box& box = places[i]->box;
    REQUIRE(widths[i] > 0);
    REQUIRE((box.left >= area.left && box.right <= area.right && box.top >= area.top && box.bottom <= area.bottom));
    for (std::size_t j = 0; j < places.size(); ++j) {
      if (j != i && places[j]) REQUIRE_FALSE(overlap(box, places[j]->box));
      REQUIRE_FALSE(overlap(box, {points[j].x - 2, points[j].y - 2, points[j].x + 2, points[j].y + 2}));
    }
  }
  CHECK(placed > 60);
  CHECK(leaders > 5);
  CHECK(placed < 500);
}

TEST_CASE("a scatter plot counts the labels it leaves out and gives the shares of the variance") {
  const auto svg = scatter_svg(scattered(400));
  CHECK(wrong_with_xml(svg) == "");
  std::size_t circles = 0, labels = 0;
  for (std::size_t at = svg.find("<circle"); at != std::string::npos; at = svg.find("<circle", at + 1)) ++circles;
  for (std::size_t at = svg.find("<text", svg.find("class=\"labels\"")); at != std::string::npos;
       at = svg.find("<text", at + 1))
    ++labels;
  CHECK(circles == 400);
  CHECK(contains(svg, str("400 points; ", 400 - labels, " labels left out")));
  CHECK(contains(svg, "principal component 1 (34.2 % of the variance)"));
  CHECK(contains(svg, "principal component 2 (17.9 % of the variance)"));
  CHECK_FALSE(contains(scatter_svg(scattered(5)), "left out"));
}

TEST_CASE("scatter plots of nothing, of one place and of far numbers are drawn; what is not finite is refused") {
  for (const float far : {0.0F, 1e-38F, 1.0F, 3e38F}) {
    ScatterPlot plot{"t", {"a", "b", ""}, {{far, -far}, {far, -far}, {-far, 0}}, {1, 0}};
    CHECK(wrong_with_xml(scatter_svg(plot)) == "");
    CHECK_FALSE(contains(scatter_svg(plot), "nan"));
    CHECK_FALSE(contains(scatter_svg(plot), "inf"));
  }
  CHECK(wrong_with_xml(scatter_svg(scattered(0))) == "");
  ScatterPlot bad{"t", {"a"}, {{std::numeric_limits<float>::infinity(), 0}}, {1, 0}};
  CHECK(contains(test::error_of([&] { scatter_svg(bad); }), "point 1 has a coordinate"));
  bad.points.clear();
  CHECK_THROWS_AS(scatter_page(bad), Error);
}

TEST_CASE("pictures are the same bytes under every locale") {
  const auto draw = [] { return scatter_page(scattered(1200)) + positions_page(1200, 40); };
  const auto plain = draw();
  const auto before = std::locale::global(std::locale(std::locale::classic(), new Commas));
  const auto there = draw();
  std::locale::global(before);
  CHECK(there == plain);
}

}  // namespace storm
