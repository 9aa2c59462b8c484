// What a sentence-transformers folder says beside its encoder: how a text's vectors become one, whether it is
// normalised, and how many tokens a text may have.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "exchange/folder.h"

namespace storm {

// Sets flags of embed and tokenize (kDefaultsKey) in a configuration of a model of max_positions; of an encoder that is
// no sentence-transformers folder, tokenize's length alone. Throws Error for a module that embed does not have.
void set_sentence_flags(nlohmann::json& config, const Folder& folder);

// Tokens of a text, [CLS] and [SEP] included, by the configuration.
int64_t longest_text(const nlohmann::json& config);

// The reverse; nothing where the configuration says no pooling.
void add_sentence_files(std::map<std::string, std::string>& texts, const nlohmann::json& config);

}  // namespace storm
