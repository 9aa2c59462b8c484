// A model with its columns or its task, and the rows of a token stream that it is asked about.
#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/split.h"
#include "models/generator.h"
#include "tools/model_columns.h"

namespace storm {

struct ColumnModel {
  explicit ColumnModel(LoadedModel model)
      : loaded(std::move(model)),
        kind(task_of(loaded)),
        vocabularies(column_vocabularies(loaded, kind.columns.size())) {}
  explicit ColumnModel(const std::string& path, WeightForm weights = WeightForm::as_stored)
      : ColumnModel(load_model(path, weights)) {}
  ColumnModel(const ColumnModel&) = delete;
  ColumnModel& operator=(const ColumnModel&) = delete;

  const std::string& answered_column() const { return kind.columns[kind.answered]; }
  const Vocabulary& answered() const { return vocabularies[kind.answered]; }

  LoadedModel loaded;
  const TaskKind& kind;
  std::vector<Vocabulary> vocabularies;  // of the task's columns
};

struct TaskModel : ColumnModel {
  explicit TaskModel(LoadedModel model) : ColumnModel(std::move(model)), task(kind.make(*loaded.model, vocabularies)) {}
  explicit TaskModel(const std::string& path) : TaskModel(load_model(path, WeightForm::as_stored)) {}

  std::unique_ptr<Task> task;
};

// The rows of some documents, which keep the bytes alive: what is worked on at once.
struct Window {
  std::vector<TokenBatch> batches;
  // Of the task, the first ones, and of each that is placed three more, as TokenFile has them.
  std::vector<std::vector<std::span<const int32_t>>> columns;
  std::deque<std::vector<int32_t>> lines;  // of placed columns, a byte an id
  // Where a row is: its batch, by place, and its place there.
  struct Place {
    std::size_t batch;
    int64_t row;
  };
  std::vector<Place> places;
  int64_t tokens = 0;  // of the first column, EOS included

  explicit Window(std::size_t count) : columns(count) {}
  int64_t size() const { return static_cast<int64_t>(columns[0].size()); }
  void keep_first(int64_t rows) {
    for (auto& column : columns) column.resize(static_cast<std::size_t>(rows));
    places.resize(static_cast<std::size_t>(rows));
  }
};

class RowReader {
 public:
  // path: a token stream ("-" is standard input), of which the first `count` columns of the task are read. missing:
  // what to do where the stream lacks one of those behind the first.
  RowReader(const ColumnModel& model, std::size_t count, const std::string& missing, const std::string& path = "-")
      : input_(StreamReader(path)) {
    const auto& name = model.loaded.name;
    columns_.push_back(first_column(input_.info(), model.kind));
    for (std::size_t c = 1; c < count; ++c) columns_.push_back(model.kind.columns[c]);
    for (const std::size_t c : model.kind.contents.placed)
      if (c < count) placed_.push_back(c);
    for (std::size_t c = 0; c < count; ++c) {
      require(input_.info().has(columns_[c]), input_.name(), ": has no column '", columns_[c], "'; ",
              c > 0
                  ? missing
                  : str("it has ", joined(input_.info().columns), ", and ", name, " is a model for ", model.kind.name));
      require_column(input_, columns_[c], model.vocabularies[c], name);
    }
  }

  // Calls work(window) with as many rows as it takes for `tokens` of the first column, or fewer where whoever feeds the
  // pipe waits; flush() then. Ends after `rows` rows; returns whether there were more.
  template <class Work, class Flush>
  bool read(int64_t tokens, int64_t rows, Progress& progress, Work&& work, Flush&& flush) {
    Window window(columns_.size() + 3 * placed_.size());
    int64_t done = 0;
    for (bool more = true; more;) {
      auto batch = input_.next();
      more = batch.has_value();
      if (batch) add(std::move(*batch), window);
      const bool waits = more && input_.would_block(), enough = window.size() > rows - done;
      if (more && window.tokens < tokens && !enough && !waits) continue;
      if (enough) window.keep_first(rows - done);
      work(window);
      done += window.size();
      progress.set(static_cast<uint64_t>(done));
      if (waits) flush();
      if (enough) return true;
      window = Window(columns_.size() + 3 * placed_.size());
    }
    return false;
  }

  const std::string& column(std::size_t c) const { return columns_[c]; }  // its name in the stream

 private:
  void add(TokenBatch batch, Window& window) const {
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      const auto& column = batch.column(columns_[c]);
      for (int64_t i = 0; i < batch.size(); ++i) window.columns[c].push_back(column[i]);
    }
    for (std::size_t k = 0; k < placed_.size(); ++k) {
      const auto& column = batch.column(columns_[placed_[k]]);
      require(column.has_ranges(), input_.name(), ": does not say where the pieces of ", column.name,
              " stand in their lines; make it with tokenize --offsets");
      const auto parts = std::span(window.columns).subspan(columns_.size() + 3 * k);
      for (int64_t i = 0; i < batch.size(); ++i) {
        const auto line = column.line(i);
        const auto& bytes = window.lines.emplace_back(reinterpret_cast<const uint8_t*>(line.data()),
                                                      reinterpret_cast<const uint8_t*>(line.data()) + line.size());
        parts[0].push_back(column.begins_of(i));
        parts[1].push_back(column.ends_of(i));
        parts[2].push_back(bytes);
      }
    }
    for (int64_t i = 0; i < batch.size(); ++i) window.places.push_back({window.batches.size(), i});
    for (int64_t i = 0; i < batch.size(); ++i) window.tokens += tokens_with_eos(batch.column(columns_[0])[i].size());
    window.batches.push_back(std::move(batch));
  }

  TokenReader input_;
  std::vector<std::string> columns_;  // of the stream
  std::vector<std::size_t> placed_;   // of them
};

}  // namespace storm
