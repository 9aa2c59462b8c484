// Token streams of made-up sentences, in scratch files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/output.h"
#include "data/row_source.h"
#include "stream/tokens.h"
#include "tests/scratch_folder.h"

namespace storm::test {

inline Rows copied_row(const RowSource& rows, int64_t epoch, int64_t row) {
  Rows one;
  rows.append(epoch, row, one);
  return one;
}

// Pair i has 1 + i % 7 source ids and 1 + (3 i) % 11 target ids; the first source id is i, so that a pair can be told.
// A document ends after every `rows` pairs.
inline void write_pairs(const std::string& path, int64_t pairs, int64_t rows) {
  Output output(path);
  TokenWriter writer(output, {{"src", "tgt"}, {}, {{"vocab", "not read here"}}});
  for (int64_t i = 0; i < pairs; ++i) {
    std::vector<int32_t> source(static_cast<std::size_t>(1 + i % 7), 5),
        target(static_cast<std::size_t>(1 + 3 * i % 11), 6);
    source[0] = static_cast<int32_t>(i);
    const std::vector<std::span<const int32_t>> row{source, target};
    writer.add(row);
    if (i % rows == rows - 1) writer.flush();
  }
  writer.finish();
  output.commit();
}

}  // namespace storm::test
