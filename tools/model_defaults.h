// Flags that a model sets of its own, unless the command line does: how it is decoded, how its vectors are pooled.
#pragma once

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/error.h"
#include "models/architecture.h"
#include "models/model_file.h"
#include "stream/stream.h"
#include "tools/cli.h"

namespace storm {

// The command line with those that the model of this configuration sets for a tool. Throws Error for one that is none
// of those that a model may set: it could name files.
inline Args with_model_defaults(const Args& args, const nlohmann::json& config, const std::string& model,
                                const std::string& tool, std::initializer_list<std::string_view> may) {
  const auto flags = flags_of(config, tool);
  for (const auto& [flag, value] : flags.items())
    require(std::ranges::find(may, flag) != may.end(), model, ": its configuration sets --", flag, " of ", tool,
            ", which no model may");
  return args.with_defaults(flags);
}

// The same of a model's file, where this is one; a vocabulary's own file, or a pipe, sets nothing.
inline Args with_defaults_of_file(const Args& args, const std::string& path, const std::string& tool,
                                  std::initializer_list<std::string_view> may) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return args;
  nlohmann::json config;
  try {
    const auto document = MappedStream(path).next();
    if (!document || document->kind() != kModelKind) return args;
    config = config_of(*document, path);
  } catch (const Error&) {
    return args;  // no stream: what it is instead is for others to say
  }
  return config.is_object() ? with_model_defaults(args, config, path, tool, may) : args;
}

}  // namespace storm
