// The formats of vectors by words that others write: each is a file that defines a VectorFormat, and a line in the
// table of vectors/vector_files.cc, which is asked in its order.
#pragma once

#include <functional>
#include <string_view>

#include "base/mapped_file.h"
#include "vectors/word_vectors_writer.h"

namespace storm {

// Makes the writer of a file's words, when their width is known; called once.
using BeginVectors = std::function<WordVectorsWriter&(int64_t width, const Subwords& n_grams)>;

struct VectorFormat {
  std::string_view name;                                            // in notes and errors
  bool (*recognised)(std::string_view bytes);                       // by a file's content, which is not empty
  void (*read)(const MappedFile& file, const BeginVectors& begin);  // all of it. Throws Error with the place
};

extern const VectorFormat kFastTextBinary, kWord2vecBinary, kWord2vecText, kGloveText;

inline std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

}  // namespace storm
