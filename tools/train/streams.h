// The token streams that a training reads: their columns as the task's, and their vocabularies.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/batches.h"
#include "models/model_file.h"
#include "tasks/task.h"
#include "text/vocabulary.h"
#include "tools/cli.h"
#include "train/train_settings.h"
#include "train/word_dropout.h"

namespace storm {

// The streams to train and to validate on, whose columns have the same vocabularies.
struct Streams {
  // As the command line says. Throws Error for a stream that lacks a column, or two with other vocabularies.
  Streams(const Args& args, const TaskKind& task);

  const TaskKind& task;
  TokenFile train;
  std::optional<TokenFile> valid;
  std::vector<Vocabulary> vocabularies;  // of each column of the task

  std::vector<int64_t> sizes() const;
  // As a model's file has them: one for all columns, or each column's own.
  std::map<std::string, std::string> files() const;
  void require_same(const LoadedModel& loaded) const;  // throws Error when a model was trained with other vocabularies
  // How the columns' vocabularies go on where the model's end; empty: they are the same. Throws Error for others.
  std::vector<GrownVocabulary> grown_from(const LoadedModel& loaded) const;
  void index();  // throws Error for a stream without rows

  // Makes the task's own rows of the indexed streams, where it has such.
  void cut(const Task& made, const TrainSettings& settings);
  const RowSource& rows() const { return train_rows ? *train_rows : train; }  // what training draws from
  std::string row_name() const;                                               // what they are called: "pairs", "blocks"

  // What the task measures on the streams that were cut.
  std::unique_ptr<Measures> measures(const Task& made, std::span<const std::string> names,
                                     const DecodeOptions& options) const;

  std::unique_ptr<const RowSource> train_rows, valid_rows;   // the task's own; null: the files' rows
  std::vector<std::unique_ptr<const RowSource>> whole_rows;  // what train_rows are made of, in turn
  std::optional<WordDropout> word_dropout;
  bool blocks = false;  // they are blocks of running text
};

// Says how many rows do not fit. Throws Error when none does. whose: " of FILE", where it must be said; fate: theirs.
void require_rows(const BatchSource& batches, const TokenFile& file, const std::string& rows, const std::string& whose,
                  const char* fate);

}  // namespace storm
