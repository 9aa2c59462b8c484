// The columns of a token stream that a model reads.
#pragma once

#include <string>

#include "base/error.h"
#include "models/model_file.h"
#include "stream/tokens.h"
#include "text/vocabulary.h"

namespace storm {

// The one that holds the source: "src", or whatever the only one is called.
inline std::string source_column(const TokenInfo& info) {
  return info.has("src") || info.columns.size() > 1 ? "src" : info.columns.at(0);
}

// Throws Error unless each vocabulary, in the order of the task's columns, has the size that the model was made for.
inline void require_sizes(const LoadedModel& loaded, std::initializer_list<Vocabulary> vocabularies) {
  std::size_t column = 0;
  for (const Vocabulary& vocabulary : vocabularies)
    require(vocabulary.size() == loaded.model->description().vocabularies[column++], loaded.name,
            ": the vocabulary does not have the size that the configuration says");
}

// Throws Error unless the column was made with the model's vocabulary; its ids are then held to that.
inline void require_column(TokenReader& input, const std::string& column, const Vocabulary& vocabulary,
                           const std::string& model) {
  const auto* bytes = input.info().vocabulary(column);
  require(bytes != nullptr, input.name(), ": carries no vocabulary for '", column, "'; tokenize with -m ", model);
  require_same_vocabulary(model, vocabulary.bytes(), *bytes);
  input.limit(column, vocabulary.size());
}

}  // namespace storm
