// The sinusoidal position encodings (nn/positions.h) drawn: the values, interleaved and concatenated, and the cosine
// similarity between positions. What is too large for a picture is thinned out, and the picture's axes say so.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace storm {

struct Picture {
  std::string name;  // of its file, without .svg
  std::string svg;
};

// positions-interleaved, positions-concatenated, similarity-interleaved, similarity-concatenated. positions, d_model:
// at least 1.
std::vector<Picture> position_pictures(int64_t positions, int64_t d_model);

// The four on one HTML page that stands alone, of less than 300 kB whatever the sizes.
std::string positions_page(int64_t positions, int64_t d_model);

}  // namespace storm
