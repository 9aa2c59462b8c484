// What attention maps are called in every picture of them.
#pragma once

#include <cstdint>
#include <string>

#include "inspect/attention_maps.h"

namespace storm {

// Pictures and their file names count layers and heads from 1, as papers do.
inline int64_t shown_number(int64_t index) { return index + 1; }

const char* kind_name(AttentionKind kind);                    // as attention_kind_name has it
std::string map_title(int64_t sentence, AttentionKind kind);  // "sentence 1, cross-attention"

// The pieces of the rows (queries) and of the columns (keys); those of a map may be fewer.
const std::vector<std::string>& row_pieces(const AttentionMaps& maps, AttentionKind kind);
const std::vector<std::string>& col_pieces(const AttentionMaps& maps, AttentionKind kind);

// Whether the map is a decoder's own, square, and says nothing above its diagonal: all zeros or all -infinity.
bool is_causal(const AttentionMap& map);

// Throws Error: the map has more rows or columns than its sentence has pieces, or other than rows * cols weights; a
// weight is not a number, infinite or beyond 1e8 (-infinity is what logits have where nothing is seen).
void check_drawable(const AttentionMaps& maps, const AttentionMap& map);

}  // namespace storm
