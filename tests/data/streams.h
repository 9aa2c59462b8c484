// Token streams of made-up sentences, in scratch files.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/output.h"
#include "stream/tokens.h"

namespace storm::test {

struct ScratchFolder {
  std::filesystem::path path;
  ScratchFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "storm-XXXXXX").string();
    path = ::mkdtemp(name.data());
  }
  ~ScratchFolder() { std::filesystem::remove_all(path); }
  std::string operator/(const std::string& name) const { return (path / name).string(); }
};

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
