#include "pictures/attention_svg.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <system_error>

#include "base/error.h"
#include "base/output.h"
#include "inspect/attention_choice.h"
#include "pictures/heat_map_svg.h"

namespace storm {

namespace {

HeatMap heat_map(const AttentionMaps& maps, const AttentionMap& map, AttentionScores scores) {
  const auto& rows = row_pieces(maps, map.kind);
  const auto& cols = col_pieces(maps, map.kind);
  HeatMap out;
  out.title =
      str(map_title(maps.sentence, map.kind), ", layer ", shown_number(map.layer), ", head ", shown_number(map.head));
  out.row_axis = map.kind == AttentionKind::encoder ? "source (queries)" : "target read (queries)";
  out.col_axis = map.kind == AttentionKind::decoder ? "target (keys)" : "source (keys)";
  if (map.kind == AttentionKind::pooling) {
    out.row_axis = "query";
    out.col_axis = "text (keys)";
  }
  out.value_name = scores == AttentionScores::probabilities ? "weight" : "logit";
  out.row_labels.assign(rows.begin(), rows.begin() + map.rows);
  out.col_labels.assign(cols.begin(), cols.begin() + map.cols);
  out.rows = map.rows;
  out.cols = map.cols;
  out.values.assign(map.weights.begin(), map.weights.end());
  if (is_causal(map))
    for (int64_t i = 0; i < map.rows; ++i)
      std::fill_n(out.values.begin() + i * map.cols + i + 1, map.cols - i - 1, std::numeric_limits<float>::quiet_NaN());
  return out;
}

// Probabilities go from 0 to 1, logits from the smallest to the largest.
void set_scale(std::vector<HeatMap>& maps, AttentionScores scores) {
  if (scores == AttentionScores::probabilities) return;
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const auto& map : maps)
    for (const float v : map.values)
      if (std::isfinite(v)) low = std::min<double>(low, v), high = std::max<double>(high, v);
  for (auto& map : maps) {
    map.low = std::isfinite(low) ? low : 0;
    map.high = std::isfinite(low) ? high : 0;
  }
}

void write_file(const std::filesystem::path& path, const std::string& text) {
  Output output(path.string());
  output.write(text);
  output.commit();
}

}  // namespace

std::string attention_svg(const AttentionMaps& maps, const AttentionMap& map, AttentionScores scores) {
  check_drawable(maps, map);
  std::vector<HeatMap> one{heat_map(maps, map, scores)};
  set_scale(one, scores);
  return heat_map_svg(one[0]);
}

std::string attention_grid_svg(const AttentionMaps& maps, AttentionKind kind, AttentionScores scores) {
  std::vector<HeatMap> all;
  int64_t across = 1, in_layer = 0, layer = -1;
  std::string keys;
  for (const auto& map : maps.maps) {
    if (map.kind != kind) continue;
    check_drawable(maps, map);
    in_layer = map.layer == layer ? in_layer + 1 : 1;
    layer = map.layer;
    across = std::max(across, in_layer);
    auto& one = all.emplace_back(heat_map(maps, map, scores));
    keys = str("down: ", one.row_axis, "; across: ", one.col_axis);
    one.title = str("layer ", shown_number(map.layer), ", head ", shown_number(map.head));
    one.pitch = std::clamp(96.0 / static_cast<double>(std::max<int64_t>({map.rows, map.cols, 1})), 3.0, 8.0);
  }
  set_scale(all, scores);
  return heat_map_grid_svg(map_title(maps.sentence, kind), keys, all, across);
}

std::string attention_svg_name(int64_t sentence, const AttentionMap& map) {
  return str('s', sentence, '-', kind_name(map.kind), "-l", shown_number(map.layer), "-h", shown_number(map.head),
             ".svg");
}

std::string attention_svg_name(int64_t sentence, AttentionKind kind) {
  return str('s', sentence, '-', kind_name(kind), ".svg");
}

void write_attention_svgs(const std::string& folder, const AttentionMaps& maps, AttentionScores scores) {
  for (const auto& map : maps.maps) check_drawable(maps, map);
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  require(!error, folder, ": cannot make the folder: ", error.message());
  const std::filesystem::path path(folder);
  for (const auto& map : maps.maps)
    write_file(path / attention_svg_name(maps.sentence, map), attention_svg(maps, map, scores));
  for (const auto kind : kAttentionKinds)
    if (std::any_of(maps.maps.begin(), maps.maps.end(), [&](const AttentionMap& m) { return m.kind == kind; }))
      write_file(path / attention_svg_name(maps.sentence, kind), attention_grid_svg(maps, kind, scores));
}

}  // namespace storm
