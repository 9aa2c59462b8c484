#include "pictures/position_pictures.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "nn/positions.h"
#include "pictures/heat_map_svg.h"
#include "pictures/markup.h"
#include "pictures/page.h"

namespace storm {

namespace {

constexpr std::string_view kPage =
#include "pictures/positions_page.html.raw"
    ;
constexpr std::string_view kStyle =
#include "pictures/positions_page.css.raw"
    ;
constexpr int64_t kMostPositions = 112, kMostPairs = 48, kMostCompared = 64;

int64_t stride_for(int64_t count, int64_t most) { return (count + most - 1) / most; }

std::vector<int64_t> every(int64_t count, int64_t stride) {
  std::vector<int64_t> out;
  for (int64_t i = 0; i < count; i += stride) out.push_back(i);
  return out;
}

// A number at every eighth tick.
std::vector<std::string> ticks(const std::vector<int64_t>& indices) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < indices.size(); ++i) out.push_back(i % 8 == 0 ? str(indices[i]) : "");
  return out;
}

std::string axis(const char* what, int64_t stride, const char* of, int64_t count) {
  return stride == 1 ? what : str(what, ": one in ", stride, " of ", count, ' ', of);
}

HeatMap blank(std::vector<int64_t> rows, std::vector<int64_t> cols) {
  HeatMap map;
  map.row_labels = ticks(rows);
  map.col_labels = ticks(cols);
  map.rows = std::ssize(rows);
  map.cols = std::ssize(cols);
  return map;
}

const char* name(SinusoidLayout layout) {
  return layout == SinusoidLayout::interleaved ? "interleaved" : "concatenated";
}

// Sine and cosine of a pair of dimensions stay together, or a stride of two would show all sines.
Picture encoding(const float* table, SinusoidLayout layout, int64_t positions, int64_t d_model) {
  const bool interleaved = layout == SinusoidLayout::interleaved;
  const int64_t pairs = std::max<int64_t>(d_model / 2, 1), stride = stride_for(pairs, kMostPairs);
  std::vector<int64_t> dims;
  for (const int64_t half : {0, 1})
    for (const int64_t pair : every(pairs, stride)) dims.push_back(interleaved ? 2 * pair + half : pair + half * pairs);
  if (interleaved) std::sort(dims.begin(), dims.end());
  std::erase_if(dims, [&](int64_t d) { return d >= d_model; });
  const auto rows = every(std::min(positions, kMostPositions), 1);  // one in several would look like other waves
  HeatMap map = blank(rows, dims);
  map.title = str("Sinusoidal positions, ", name(layout), ", d_model ", d_model);
  map.row_axis = positions == map.rows ? "position" : str("position: the first ", map.rows, " of ", positions);
  map.col_axis = axis(interleaved ? "dimension (sine, cosine, ...)" : "dimension (all sines, then all cosines)", stride,
                      "pairs", pairs);
  map.value_name = "value";
  map.id = name(layout);
  map.low = -1;
  map.scale = kDiverging;
  map.pitch = 6;
  for (const int64_t p : rows)
    for (const int64_t d : dims) map.values.push_back(table[p * d_model + d]);
  return {str("positions-", name(layout)), heat_map_svg(map)};
}

Picture similarity(const float* table, SinusoidLayout layout, int64_t positions, int64_t d_model) {
  const int64_t stride = stride_for(positions, kMostCompared);
  const auto shown = every(positions, stride);
  const auto product = [&](int64_t a, int64_t b) {
    double sum = 0;
    for (int64_t d = 0; d < d_model; ++d) sum += static_cast<double>(table[a * d_model + d]) * table[b * d_model + d];
    return sum;
  };
  HeatMap map = blank(shown, shown);
  map.title = str("Cosine similarity of positions, ", name(layout), ", d_model ", d_model);
  map.row_axis = "position";
  map.col_axis = axis("position", stride, "positions", positions);
  map.value_name = "cosine";
  map.id = str("similarity-", name(layout));
  map.pitch = 8;
  for (const int64_t a : shown)
    for (const int64_t b : shown)
      map.values.push_back(static_cast<float>(product(a, b) / std::sqrt(product(a, a) * product(b, b))));
  map.low = std::min(0.0, static_cast<double>(*std::min_element(map.values.begin(), map.values.end())));
  return {str("similarity-", name(layout)), heat_map_svg(map)};
}

}  // namespace

std::vector<Picture> position_pictures(int64_t positions, int64_t d_model) {
  require(positions > 0 && d_model > 0, "position encodings need one position and one dimension at least");
  require(positions <= (int64_t{1} << 28) / d_model, positions, " positions of ", d_model,
          " dimensions are too many to draw; ask for fewer positions");
  std::vector<Picture> out;
  for (const bool values : {true, false})
    for (const auto layout : {SinusoidLayout::interleaved, SinusoidLayout::concatenated}) {
      const SinusoidTable table(d_model, layout);
      out.push_back((values ? encoding : similarity)(table.rows(positions), layout, positions, d_model));
    }
  return out;
}

std::string positions_page(int64_t positions, int64_t d_model) {
  std::string figures;
  for (const auto& picture : position_pictures(positions, d_model))
    figures += str("<figure>\n", picture.svg, "</figure>\n");
  return filled(kPage, {{"title", str("Sinusoidal positions: ", positions, " positions, d_model ", d_model)},
                        {"style", str(kPageStyle, kStyle)},
                        {"figures", figures},
                        {"script", kPageScript}});
}

}  // namespace storm
