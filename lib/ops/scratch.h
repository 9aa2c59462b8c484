// An op's scratch, cut into pieces that each begin at a multiple of 64 bytes.
#pragma once

#include <cstdint>
#include <utility>

namespace storm {

// How much of the scratch, in floats, a piece of so many takes.
constexpr int64_t piece(int64_t floats) { return (floats + 15) / 16 * 16; }
inline float* cut(float*& scratch, int64_t floats) { return std::exchange(scratch, scratch + piece(floats)); }

}  // namespace storm
