// Files of vectors by words, as word2vec, GloVe and fastText write them (lib/vectors/README.md says what of each).
#pragma once

#include <string>

#include "base/mapped_file.h"
#include "base/output.h"

namespace storm {

// Whether the content of a file, which is not empty, is in one of these formats.
bool holds_vectors(const MappedFile& file);

// Writes the embeddings stream of the file's words, whose format its content tells. Memory: the set of words, and parts
// of the file. Throws Error with the line or the byte for a file that is not what it says.
void import_vectors(const MappedFile& file, const std::string& command, Output& output);

}  // namespace storm
