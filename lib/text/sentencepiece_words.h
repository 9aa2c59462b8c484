// What a SentencePiece model promises about the words of a line.
#pragma once

#include <string_view>

#include "text/vocabulary_kind.h"

namespace storm {

// The rule that provably holds for a serialized model, none for the bytes of another kind of vocabulary;
// lib/text/README.md has the proof. The formats are those of sentencepiece_model.proto and of the double arrays of
// darts-clone (https://github.com/s-yata/darts-clone).
WordRule sentencepiece_word_rule(std::string_view model);

}  // namespace storm
