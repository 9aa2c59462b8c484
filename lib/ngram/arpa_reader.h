// ARPA files of n-gram models (ngram/arpa_text.h says what they look like), as KenLM, SRILM and others write them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "base/output.h"

namespace storm {

struct ArpaImport {
  std::vector<uint64_t> counts;  // n-grams of each order, with <unk>
  bool closed = false;           // whatever stands in the file, its last words do, too; such a model answers faster
};

// Writes the model's document (ngram/ngram_tables.h), with the numbers of the file, each to the nearest float. Its
// words become a list vocabulary, in the file's order behind <unk>, <s> and </s>. N-grams of an order may come in any
// order.
//
// As in KenLM, <UNK> is <unk>; a file without it is read with a log10 probability of -100, and a note says so; one
// without <s> or </s> is refused. An n-gram whose last words are none of the file's n-grams (SRILM prunes them) is
// read: what is not there has the probability of the back-off.
//
// Throws Error with the line for counts that lie, a section that is missing or stands elsewhere, a log10 probability
// above 0, NaN and infinities, what is no number, too few or too many words, a word that is no 1-gram or no UTF-8,
// <pad>, an n-gram that comes twice or whose first words are none of the order below, more than kMostOrder orders, a
// missing \end\ and what stands behind it.
//
// memory: bytes to sort with, but for the words themselves and what the program takes; temporary files go to $TMPDIR.
ArpaImport import_arpa(const MappedFile& file, const std::string& command, Output& output,
                       std::size_t memory = std::size_t{1} << 30);

}  // namespace storm
