// decode with an n-gram model (ngram/ngram_model.h) in place of a network.
#pragma once

#include "tools/cli.h"

namespace storm {

// Continues or scores the rows of standard input, a token stream or plain text, as the flags say.
void ask_ngrams(const Args& args);

}  // namespace storm
