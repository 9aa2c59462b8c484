// generation_config.json, or the same keys of an older config.json: what transformers' generate() does unless it is
// told otherwise, and the flags of decode that do the same.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "exchange/folder.h"
#include "text/vocabulary.h"

namespace storm {

// Flags of decode and their values. decoder_start: the id that a decoder is fed first, which their lengths count; -1:
// the model continues texts. Where the keys are those that export made of flags (kOwnKey has them), these. Throws Error
// for a key whose value decode cannot follow.
nlohmann::json decode_flags(const Folder& folder, const Vocabulary& vocabulary, int32_t decoder_start);

// The reverse, for flags of a configuration.
nlohmann::json generation_config(const nlohmann::json& flags, const Vocabulary& vocabulary, int32_t decoder_start);

}  // namespace storm
