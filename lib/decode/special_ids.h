// BOS and EOS as the vocabularies have them: a foreign SentencePiece model's own ids are honoured.
#pragma once

#include "models/encoder_decoder.h"
#include "text/vocabulary.h"

namespace storm {

// A target vocabulary without a BOS starts its sentences with EOS. Throws Error for a vocabulary without an EOS, and
// for two that do not have it at the same id.
SpecialIds special_ids(const Vocabulary& source, const Vocabulary& target);

}  // namespace storm
