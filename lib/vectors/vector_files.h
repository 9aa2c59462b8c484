// Files of vectors by words, as word2vec, GloVe and fastText write them (lib/vectors/README.md says what of each).
#pragma once

#include <string>

#include "base/output.h"

namespace storm {

// Writes the embeddings stream of the file's words, whose format its content tells. path: "-" is standard input; a pipe
// is spooled first. Memory: the set of words, and parts of the file. Throws Error with the line or the byte for a file
// that is not what it says.
void import_vectors(const std::string& path, const std::string& command, Output& output);

}  // namespace storm
