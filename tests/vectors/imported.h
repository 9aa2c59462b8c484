// Files of vectors, imported and read again.
#pragma once

#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/output.h"
#include "tests/data.h"
#include "tests/errors.h"
#include "tests/scratch_folder.h"
#include "vectors/vector_files.h"
#include "vectors/word_vectors.h"

namespace storm::test {

inline std::string written(const ScratchFolder& folder, std::string_view bytes) {
  auto path = folder / "file";
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

// The path of the stream.
inline std::string imported(const ScratchFolder& folder, const std::string& path) {
  set_quiet(true);
  auto stream = folder / "vectors.st";
  Output output(stream);
  import_vectors(MappedFile(path), "test", output);
  output.commit();
  return stream;
}

// What the import of a file with these bytes says, without the file's name.
inline std::string import_error(std::string_view bytes) {
  const ScratchFolder folder;
  const auto path = written(folder, bytes);
  const auto error = error_of([&] { imported(folder, path); });
  return error.starts_with(path + ": ") ? error.substr(path.size() + 2) : error;
}

inline std::vector<float> row_of(const WordVectors& vectors, std::string_view word) {
  std::vector<float> values(static_cast<std::size_t>(vectors.width()), -7);
  vectors.read_word(word, values);
  return values;
}

inline std::vector<std::string> words_of(const WordVectors& vectors) {
  std::vector<std::string> words;
  for (int64_t i = 0; i < vectors.size(); ++i) words.emplace_back(vectors.word(i));
  return words;
}

// A recorded row: word TAB n-grams TAB numbers (or without n-grams).
struct RecordedVector {
  std::string word, n_grams;
  std::vector<float> values;
};
inline std::vector<RecordedVector> recorded(const std::string& name) {
  std::vector<RecordedVector> all;
  for (const auto& line : data_lines(name, "vectors")) {
    const auto first = line.find('\t'), last = line.rfind('\t');
    RecordedVector row{line.substr(0, first), last > first ? line.substr(first + 1, last - first - 1) : "", {}};
    for (const char* at = line.c_str() + last + 1; *at;) {
      char* end = nullptr;
      row.values.push_back(std::strtof(at, &end));
      at = *end == ' ' ? end + 1 : end;
    }
    all.push_back(row);
  }
  return all;
}

}  // namespace storm::test
