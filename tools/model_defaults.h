// Flags that a model sets of its own, unless the command line does: how it is decoded, how its vectors are pooled.
#pragma once

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/error.h"
#include "models/architecture.h"
#include "tools/cli.h"

namespace storm {

// The command line with those that the model of this configuration sets for a tool. Throws Error for one that is none
// of those that a model may set: it could name files.
inline Args with_model_defaults(const Args& args, const nlohmann::json& config, const std::string& model,
                                const std::string& tool, std::initializer_list<std::string_view> may) {
  const auto flags = config.value(kDefaultsKey, nlohmann::json::object()).value(tool, nlohmann::json::object());
  for (const auto& [flag, value] : flags.items())
    require(std::ranges::find(may, flag) != may.end(), model, ": its configuration sets --", flag, " of ", tool,
            ", which no model may");
  return args.with_defaults(flags);
}

}  // namespace storm
