// The attention of a sentence as SVG files for papers: a heat map of each head, and all heads of a kind at once.
#pragma once

#include <string>

#include "pictures/attention_labels.h"

namespace storm {

// One head's map, labelled with the pieces. Throws as check_drawable does.
std::string attention_svg(const AttentionMaps& maps, const AttentionMap& map, AttentionScores scores);

// All maps of a kind, a layer a row, on one scale.
std::string attention_grid_svg(const AttentionMaps& maps, AttentionKind kind, AttentionScores scores);

// "s1-cross-l2-h3.svg": sentence, kind, layer and head, all counted from 1; the grid: "s1-cross.svg".
std::string attention_svg_name(int64_t sentence, const AttentionMap& map);
std::string attention_svg_name(int64_t sentence, AttentionKind kind);

// Writes both, for every map, into a folder, which is made when it is not there; each file is complete or absent.
void write_attention_svgs(const std::string& folder, const AttentionMaps& maps, AttentionScores scores);

}  // namespace storm
