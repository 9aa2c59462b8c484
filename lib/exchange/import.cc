#include "exchange/import.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "exchange/family.h"
#include "models/model.h"
#include "models/model_file.h"
#include "stream/document.h"
#include "text/vocabulary.h"

namespace storm {

namespace {

std::unique_ptr<Model> model_of(const nlohmann::json& config, const Folder& folder) {
  try {
    return make_model(config);
  } catch (const UsageError& e) {
    fail(folder.path_of("config.json"), ": ", e.what());
  }
}

// A table has a row for each piece, neither more nor fewer.
void check_vocabularies(const Model& model, const Vocabularies& vocabularies, const Folder& folder) {
  const auto& sizes = model.description().vocabularies;
  const auto check = [&](const Vocabulary& vocabulary, int64_t rows) {
    require(vocabulary.size() == rows, folder.path(), ": the tokenizer has ", vocabulary.size(),
            " pieces, the table of embeddings ", rows, " rows; they must be as many");
  };
  if (sizes.size() == 1) return check(of_texts(vocabularies), sizes[0]);
  auto vocabulary = vocabularies.begin();  // by name, and so in the order of the columns
  for (const int64_t rows : sizes) {
    check(vocabulary->second, rows);
    if (std::next(vocabulary) != vocabularies.end()) ++vocabulary;
  }
}

void import_family(const std::string& path, const std::string& command, Output& output, const std::string& task) {
  Folder folder(path, task);
  auto type = folder.fields();
  const Family& family = family_of_type(type.text("model_type"), folder.path_of("config.json"));
  auto& weights = folder.weights();
  weights.set_prefixes(family.prefixes);
  auto config = family.config(folder);
  if (!task.empty() && config.value("task", "") != task)
    throw UsageError(str("--task: ", path, " has no head that is for ", task));
  const auto vocabularies = family.vocabularies(folder, config);
  if (family.add_decoding) family.add_decoding(folder, vocabularies, config);
  const auto model = model_of(config, folder);
  check_vocabularies(*model, vocabularies, folder);

  std::map<std::string, TensorRow> rows;
  for (auto& row : family.rows(model->config())) rows.emplace(row.ours, row);
  const auto& specs = model->parameters().specs();
  std::vector<Tensor> tensors;
  for (const auto& spec : specs) {
    check_row(rows.at(spec.name), spec, weights);
    tensors.push_back({spec.name, DType::F32, file_shape(spec), {}});
  }
  for (const auto& [name, vocabulary] : vocabularies) {
    const auto bytes = std::as_bytes(std::span(vocabulary.bytes()));
    tensors.push_back({name, DType::U8, {std::ssize(bytes)}, bytes});
  }
  for (const auto& name : weights.left()) {
    const auto twin = family.twin(name, model->config());
    require(twin.has_value(), path, ": the tensor ", name, " is none that a ", family.model_type,
            " has; STORM would pass it over");
    if (twin->empty()) continue;
    const Tensor &tied = weights.tensor(name), &read = weights.tensor(*twin);
    require(tied.dtype == read.dtype && std::ranges::equal(tied.bytes, read.bytes), weights.where(name), ": ",
            tied.name, " and ", read.name,
            " are tied by config.json and differ; set tie_word_embeddings to false there");
  }

  output.write(header_bytes({{kKindKey, kModelKind},
                             {kVersionKey, kStreamVersion},
                             {kCommandKey, command},
                             {kConfigKey, model->config().dump()}},
                            tensors));
  const auto orders = family.orders ? family.orders(folder.config(), model->config()) : Orders{};
  for (const auto& spec : specs) {
    read_row(rows.at(spec.name), spec, weights, orders,
             [&](std::span<const float> piece) { output.write(std::as_bytes(piece)); });
    weights.forget();
  }
  for (const auto& [name, vocabulary] : vocabularies) output.write(vocabulary.bytes());
}

}  // namespace

void import_folder(const std::string& path, const std::string& command, Output& output, const std::string& task) {
  try {
    import_family(path, command, output, task);
  } catch (const nlohmann::json::exception& e) {  // a value of a type that nobody expected
    fail(path, ": ", e.what());
  }
}

}  // namespace storm
