// Files of one column, and running text and its rows as a naive reading has them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/token_file.h"
#include "tests/catch.h"
#include "tests/data/streams.h"

namespace storm::test {

using Ids = std::vector<int32_t>;
constexpr int32_t kEos = 3;

// A file of these rows, a document after every `part` of them. Ids are 10, 11, 12, ... in their order.
struct Text {
  ScratchFolder folder;
  TokenFile file;
  Text(const std::vector<int64_t>& lengths, int64_t part) : file(written(folder / "x.st", lengths, part), {"text"}) {
    file.index({100'000});
  }
  static std::string written(const std::string& path, const std::vector<int64_t>& lengths, int64_t part) {
    Output output(path);
    TokenWriter writer(output, {{"text"}, {}, {{"vocab", "not read here"}}});
    int32_t next = 10;
    for (std::size_t i = 0; i < lengths.size(); ++i) {
      Ids ids;
      for (int64_t k = 0; k < lengths[i]; ++k) ids.push_back(next++);
      writer.add(ids);
      if (static_cast<int64_t>(i) % part == part - 1) writer.flush();
    }
    writer.finish();
    output.commit();
    return path;
  }
};

// What running text is, told naively.
inline Ids text_of(const std::vector<int64_t>& lengths, bool documents) {
  Ids text;
  int32_t next = 10;
  for (const int64_t length : lengths) {
    for (int64_t k = 0; k < length; ++k) text.push_back(next++);
    if (!documents || length == 0) text.push_back(kEos);
  }
  return text;
}

inline Ids row_of(const RowSource& source, int64_t epoch, int64_t row) {
  Rows rows;
  int64_t length = 0;
  source.lengths(epoch, row, {&length, 1});
  source.append(epoch, row, rows);
  REQUIRE(rows.size() == 1);
  REQUIRE(length == static_cast<int64_t>(rows.ids.size()));
  return rows.ids;
}

}  // namespace storm::test
