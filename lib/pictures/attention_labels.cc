#include "pictures/attention_labels.h"

#include <cmath>
#include <limits>

#include "base/error.h"
#include "inspect/attention_choice.h"

namespace storm {

const char* kind_name(AttentionKind kind) { return attention_kind_name(kind).data(); }

std::string map_title(int64_t sentence, AttentionKind kind) {
  return str("sentence ", sentence, ", ", kind_name(kind),
             kind == AttentionKind::pooling ? ""
             : kind == AttentionKind::cross ? "-attention"
                                            : " self-attention");
}

const std::vector<std::string>& row_pieces(const AttentionMaps& maps, AttentionKind kind) {
  static const std::vector<std::string> whole{"the text"};
  if (kind == AttentionKind::pooling) return whole;
  return kind == AttentionKind::encoder ? maps.source : maps.target;
}

const std::vector<std::string>& col_pieces(const AttentionMaps& maps, AttentionKind kind) {
  if (kind == AttentionKind::pooling) return maps.source.empty() ? maps.target : maps.source;
  return kind == AttentionKind::decoder ? maps.target : maps.source;
}

bool is_causal(const AttentionMap& map) {
  if (map.kind != AttentionKind::decoder || map.rows != map.cols) return false;
  bool zeros = true, nothing = true;
  for (int64_t i = 0; i < map.rows; ++i)
    for (int64_t j = i + 1; j < map.cols; ++j) {
      const float w = map.weights[static_cast<std::size_t>(i * map.cols + j)];
      zeros = zeros && w == 0;
      nothing = nothing && w == -std::numeric_limits<float>::infinity();
    }
  return zeros || nothing;
}

void check_drawable(const AttentionMaps& maps, const AttentionMap& map) {
  const auto where = [&] {
    return str(map_title(maps.sentence, map.kind), ", layer ", shown_number(map.layer), ", head ",
               shown_number(map.head));
  };
  if (map.rows < 0 || map.cols < 0 || static_cast<int64_t>(map.weights.size()) != map.rows * map.cols)
    fail(where(), ": ", map.weights.size(), " weights for ", map.rows, " rows and ", map.cols, " columns");
  if (map.rows > std::ssize(row_pieces(maps, map.kind)) || map.cols > std::ssize(col_pieces(maps, map.kind)))
    fail(where(), ": ", map.rows, " rows and ", map.cols, " columns, but ", maps.source.size(), " source and ",
         maps.target.size(), " target pieces");
  for (std::size_t i = 0; i < map.weights.size(); ++i)
    if (const float w = map.weights[i]; !(std::fabs(w) <= 1e8F) && w != -std::numeric_limits<float>::infinity())
      fail(where(), ": the weight of row ", static_cast<int64_t>(i) / map.cols + 1, ", column ",
           static_cast<int64_t>(i) % map.cols + 1, " is ", w, "; look whether the model's weights are finite");
}

}  // namespace storm
