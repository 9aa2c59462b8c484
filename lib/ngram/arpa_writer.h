// An n-gram model as an ARPA file (ngram/arpa_text.h says what that is), as KenLM's lmplz writes them.
#pragma once

#include "base/output.h"
#include "ngram/ngram_model.h"

namespace storm {

// Numbers have the fewest digits that are read as the same float, so that a model that is exported and imported again
// has the same bits. The unknown word and a sentence's begin and end are written <unk>, <s> and </s>, whatever the
// vocabulary calls them. Memory: the words. Throws Error for a word that such a file cannot hold: one with a space,
// TAB, CR or LF in it, and another one of these three names; and for a probability that is no number.
void write_arpa(const NgramModel& model, Output& output);

}  // namespace storm
