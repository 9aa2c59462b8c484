// BOS and EOS as the vocabularies have them: a foreign SentencePiece model's own ids are honoured.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "models/encoder_decoder.h"
#include "text/vocabulary.h"

namespace storm {

// A target vocabulary without a BOS starts its sentences with EOS, unless the model's configuration names an id
// (kDecoderStartKey). Throws Error for a vocabulary without an EOS, for two that do not have it at the same id, and for
// an id that is none.
SpecialIds special_ids(const Vocabulary& source, const Vocabulary& target, const nlohmann::json& config);

}  // namespace storm
