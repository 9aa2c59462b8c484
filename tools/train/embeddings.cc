#include "tools/train/embeddings.h"

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/log.h"
#include "base/split.h"
#include "vectors/initial_rows.h"

namespace storm {

namespace {

struct ColumnFile {
  std::size_t column;
  std::string path;
};

// "FILE", for the first column, or "src=FILE,tgt=FILE". columns: those that have tables.
std::vector<ColumnFile> files_of(const std::string& text, std::span<const std::string> columns) {
  std::error_code ignored;
  if (text.find('=') == text.npos || std::filesystem::exists(text, ignored)) return {{0, text}};
  std::vector<ColumnFile> files;
  for (const auto& part : split_at_commas(text)) {
    const auto equal = part.find('=');
    if (equal == part.npos || equal + 1 == part.size())
      throw UsageError(str("--embeddings: '", part, "' is not COLUMN=FILE"));
    const auto name = part.substr(0, equal);
    const auto at = std::ranges::find(columns, name);
    if (at == columns.end())
      throw UsageError(str("--embeddings: '", name, "' is none of the columns that the model has a table for: ",
                           joined({columns.begin(), columns.end()}, ", ")));
    files.push_back({static_cast<std::size_t>(at - columns.begin()), part.substr(equal + 1)});
  }
  return files;
}

}  // namespace

void begin_embeddings(const Args& args, const Streams& streams, Model& model) {
  if (!args.given("embeddings")) return;
  const auto& tables = model.description().tables;
  const auto columns = std::span(streams.task.columns).first(std::min(tables.size(), streams.task.columns.size()));
  std::vector<std::pair<int32_t, std::string>> begun;  // tables, and by which column
  for (const auto& [column, path] : files_of(args.text("embeddings"), columns)) {
    const auto& name = columns[column];
    const auto table = tables[column];
    const auto before = std::ranges::find(begun, table.index, &std::pair<int32_t, std::string>::first);
    if (before != begun.end())
      throw UsageError(str("--embeddings: ", name, before->second == name ? " is named twice" : " has the table of ",
                           before->second == name ? "" : before->second));
    begun.emplace_back(table.index, name);
    const auto& spec = model.parameters().specs()[static_cast<std::size_t>(table.index)];
    const WordVectors vectors(path);
    require(vectors.width() == spec.shape.cols, path, ": vectors of ", vectors.width(), " numbers, where the rows of ",
            spec.name, " have ", spec.shape.cols, "; give the model that width, or learn others");
    const auto& vocabulary = streams.vocabularies[column];
    const auto found = begin_rows(vectors, vocabulary, model.parameters().view(table));
    require(found.rows + found.composed > 0, path, ": none of the ", vocabulary.size(), " entries of ", name,
            "'s vocabulary is among its ", vectors.size(), " words");
    note(path, ": ", found.rows, " of ", vocabulary.size(), " rows of ", spec.name, " begin with its vectors",
         found.composed > 0 ? str(", and ", found.composed, " with those of their n-grams") : "");
  }
}

}  // namespace storm
