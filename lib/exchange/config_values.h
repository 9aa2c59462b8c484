// What the configurations of several families have in common.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "exchange/folder.h"

namespace storm {

// Refuses what would change any model: code of the folder's own, quantised weights, pruned heads, layers that look
// otherwise at positions or at other rows.
void refuse_foreign_settings(JsonFields& config);

// Refuses a model whose `architectures` are others than these: it has a head that no task of STORM's is for.
void refuse_other_heads(const Folder& folder, std::initializer_list<std::string_view> known);

// Their names of activations (ACT2FN of transformers) and ours. Throw Error and UsageError for one that is not ours, or
// not theirs.
std::string activation_from(JsonFields& config, const std::string& key, const std::string& otherwise);
std::string their_activation(const nlohmann::json& ours);

int64_t size_from(JsonFields& config, const std::string& key, int64_t otherwise);          // 1 to 2^31
nlohmann::json number_from(JsonFields& config, const std::string& key, double otherwise);  // as it is written
// Throws Error where two sizes are not the same, which have one setting here.
void require_same(const JsonFields& config, const std::string& a, int64_t of_a, const std::string& b, int64_t of_b);

inline std::string yes_or_no(bool on) { return on ? "yes" : "no"; }

}  // namespace storm
