// Rows of vectors as text: a word, and numbers with a space before each.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/mapped_file.h"
#include "vectors/word_vectors_writer.h"

namespace storm {

// The line without its end: CR, and the one space that word2vec and fastText leave behind a row.
std::string_view row_of_line(std::string_view line);

// Reads all lines from the byte `begin` on, whose first is line `line` of the file. The last fields of a line, as many
// as vectors have numbers, are its vector, what stands before them its word, in which GloVe has spaces. rows: how many
// there must be; -1: any number. Throws Error that says the line for one that is too short or too long and for a field
// that is no number.
void read_vector_lines(const MappedFile& file, std::size_t begin, uint64_t line, int64_t rows, WordVectorsWriter& to);

}  // namespace storm
