// generation_config.json, or the same keys of an older config.json: what transformers' generate() does unless it is
// told otherwise, and the flags of decode that do the same.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "exchange/folder.h"
#include "text/vocabulary.h"

namespace storm {

// Flags of decode and their values. source_and_target: of a model that turns one into the other, whose lengths count
// the token that the decoder starts from. Throws Error for a key whose value decode cannot follow.
nlohmann::json decode_flags(const Folder& folder, const Vocabulary& vocabulary, bool source_and_target);

// The reverse, for flags of a configuration; decoder_start: -1 for none.
nlohmann::json generation_config(const nlohmann::json& flags, const Vocabulary& vocabulary, int32_t decoder_start);

}  // namespace storm
