// The rows of a table of embeddings that begin with vectors that are there already.
#pragma once

#include <cstdint>
#include <span>

#include "text/vocabulary.h"
#include "vectors/word_vectors.h"

namespace storm {

struct InitialRows {
  int64_t rows = 0;       // that begin with a row of the vectors
  int64_t composed = 0;   // that begin with the mean of a word's n-grams
  bool as_words = false;  // entries were looked up as the words that they are, without SentencePiece's mark
};

// table: [pieces, the vectors' width], a row for each entry of the vocabulary. A row whose entry the vectors have
// becomes that vector, to the bit; the others are left as they are. An entry is looked up by its name, as `embed
// --vocab` writes it (lists: the word; SentencePiece: with U+2581), or, where the vectors are of plain words, so that
// this finds more of the entries that begin a word, by the word alone; then entries from inside of words have no
// vector. Vectors with n-grams make one for entries of text that are not among them.
InitialRows begin_rows(const WordVectors& vectors, const Vocabulary& vocabulary, std::span<float> table);

}  // namespace storm
