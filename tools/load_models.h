// The models that a command line names, as one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "models/ensemble.h"
#include "models/generator.h"
#include "models/packed_weights.h"
#include "ngram/ngram_model.h"
#include "stream/stream.h"
#include "tools/model_columns.h"

namespace storm {

// What two models must have in common to answer together. Throws UsageError or Error that names the other one.
inline void require_like(const LoadedModel& first, const LoadedModel& other) {
  const TaskKind &kind = task_of(first), &own = task_of(other);
  if (!kind.searches || !dynamic_cast<const Generator*>(first.model.get()))
    throw UsageError(str("several -m are for translation and language models, not for ", kind.name, "; give one"));
  if (&kind != &own)
    throw UsageError(str(other.name, ": is a model for ", own.name, ", and ", first.name, " one for ", kind.name,
                         "; models that answer together have one task"));
  const auto of_first = column_vocabularies(first, kind.columns.size());
  const auto of_other = column_vocabularies(other, kind.columns.size());
  for (std::size_t c = 0; c < of_first.size(); ++c)
    require(of_first[c] == of_other[c], other.name, ": its vocabulary of ", kind.columns[c], " differs from that of ",
            first.name, " (", of_other[c].fingerprint(), " ≠ ", of_first[c].fingerprint(),
            "); train it on streams of tokenize -m ", first.name);
  const auto start = [](const LoadedModel& model, const Vocabulary& vocabulary) {
    return decoder_start_of(model.model->config(), vocabulary.first_fed_id(), vocabulary.size());
  };
  require(start(first, of_first.back()) == start(other, of_other.back()), other.name, ": begins its outputs with id ",
          start(other, of_other.back()), ", and ", first.name, " with ", start(first, of_first.back()),
          "; models that answer together begin alike");
  require(has_packed_weights(first.model->parameters()) == has_packed_weights(other.model->parameters()), other.name,
          ": of it and ", first.name, ", one holds weights of int8; --precision int8 makes the other's so");
}

// paths: one at least. weights: of each, as make_ensemble takes them. What an ensemble is called, and whatever of it
// is no parameter, is the first one's.
inline LoadedModel load_models(const std::vector<std::string>& paths, const std::vector<double>& weights,
                               WeightForm form) {
  if (paths.size() > 1)
    for (const auto& path : paths)
      if (kind_of_file(path) == kNgramKind)
        throw UsageError(str("-m ", path, ": an n-gram model answers alone; --lm fuses it with others"));
  LoadedModel first = load_model(paths[0], form);
  std::vector<std::unique_ptr<Model>> models;
  for (std::size_t i = 1; i < paths.size(); ++i) {
    LoadedModel other = load_model(paths[i], form);
    require_like(first, other);
    models.push_back(std::move(other.model));
  }
  models.insert(models.begin(), std::move(first.model));
  first.model = make_ensemble(std::move(models), weights);
  return first;
}

}  // namespace storm
