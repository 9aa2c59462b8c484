// A stretch of a line's bytes.
#pragma once

#include <cstdint>

namespace storm {

// The bytes of a line that a piece stands for, end not included. Of a piece that normalisation made of several
// characters, or took from nothing, they are all of those, or none.
struct ByteRange {
  int32_t begin = 0, end = 0;
  bool operator==(const ByteRange&) const = default;
};

}  // namespace storm
