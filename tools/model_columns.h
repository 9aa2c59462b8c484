// The columns of a token stream that a model reads.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "base/error.h"
#include "models/architecture.h"
#include "models/model_file.h"
#include "stream/tokens.h"
#include "tasks/task.h"
#include "text/vocabulary.h"

namespace storm {

inline const TaskKind& task_of(const LoadedModel& loaded) { return task_kind(task_of(loaded.model->config())); }

// The vocabularies of the first `count` of the task's columns, but for those of numbers. Throws Error where the file
// carries none, or one of another size than the model was made for.
inline std::vector<Vocabulary> column_vocabularies(const LoadedModel& loaded, std::size_t count) {
  const TaskKind& kind = task_of(loaded);
  const auto sizes = vocabulary_sizes(kind, *loaded.model);
  require(
      sizes.size() == kind.columns.size() - kind.contents.numbers.size() && (kind.texts == 0 || loaded.model->head()),
      loaded.name, ": its configuration names the task ", kind.name, ", which a model of the architecture ",
      loaded.model->architecture(), loaded.model->head() ? " with this head" : "", " cannot do; has it been edited?");
  std::vector<Vocabulary> vocabularies;
  for (std::size_t c = 0; c < std::min(count, sizes.size()); ++c) {
    vocabularies.push_back(Vocabulary::from_bytes(loaded.vocabulary(task_of(loaded).columns[c]), loaded.name));
    require(vocabularies[c].size() == sizes[c], loaded.name,
            ": the vocabulary does not have the size that the configuration says");
  }
  return vocabularies;
}

// The column of the stream that the task's first one is read from: of its name, or whatever the only one is called.
inline std::string first_column(const TokenInfo& info, const TaskKind& task) {
  return info.has(task.columns[0]) || info.columns.size() > 1 ? task.columns[0] : info.columns.at(0);
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
