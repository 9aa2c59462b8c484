#include "exchange/export.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/output.h"
#include "base/signals.h"
#include "exchange/family.h"
#include "exchange/new_folder.h"
#include "models/model_file.h"
#include "nn/adaptation.h"
#include "stream/stream.h"
#include "stream/tokens.h"
#include "stream/transform.h"

namespace storm {

namespace {

struct Part {  // one of their tensors
  const TensorRow* row;
  const ParameterSpec* spec;
  std::size_t number;
  std::string name;  // with its prefix
};

void write_weights(const Document& document, const std::vector<Part>& parts, const Orders& orders, Output& output) {
  std::vector<Tensor> tensors;
  for (const auto& part : parts) tensors.push_back({part.name, DType::F32, their_shape(*part.row, *part.spec), {}});
  output.write(header_bytes({{"format", "pt"}}, tensors));
  std::vector<float> values;
  for (const auto& [row, spec, number, name] : parts) {
    values.resize(static_cast<std::size_t>(spec->shape.size()));
    if (number == 0) read_floats(document.tensor(spec->name), 0, std::span(values));
    write_row(*row, *spec, number, values, orders,
              [&](std::span<const float> piece) { output.write(std::as_bytes(piece)); });
    document.forget();
    if (stop_signal()) return;
  }
}

}  // namespace

void export_folder(const std::string& path, const std::string& folder) {
  const auto document = read_document(path);
  const auto model = made_model(document, path);
  const auto& config = model->config();
  const Family& family = family_of_architecture(model->architecture());
  if (config.contains(kAdapterWidthKey))
    throw UsageError(str(path, ": a folder has no room for the model's bottleneck adapters"));
  for (const auto& spec : model->parameters().specs()) parameter_tensor(document, spec);
  Vocabularies vocabularies;
  for (const auto& [name, bytes] : vocabularies_of(document))
    vocabularies.emplace(name, Vocabulary::from_bytes(bytes, path));
  auto files = family.files(config, vocabularies);
  files.config["dtype"] = "float32";
  catch_stop_signals();  // whoever is stopped leaves no half of a folder behind
  NewFolder made(folder);
  if (family.warn_of)
    family.warn_of(files.config, config, [&](const std::string& name) {
      std::vector<float> values(model->parameters().view(name).size());
      read_floats(document.tensor(name), 0, std::span(values));
      return values;
    });

  const auto rows = family.rows(config);
  std::vector<Part> parts;
  for (const auto& row : rows) {
    const auto spec = std::ranges::find(model->parameters().specs(), row.ours, &ParameterSpec::name);
    const auto prefix = row.head ? "" : files.prefix;
    for (std::size_t i = 0; i < row.theirs.size(); ++i) parts.push_back({&row, &*spec, i, prefix + row.theirs[i]});
    if (!row.copy.empty()) parts.push_back({&row, &*spec, 0, prefix + row.copy});
  }
  const auto write = [&](const std::string& name, auto&& content) {
    Output output(made.file(name));
    content(output);
    output.commit();
  };
  write("model.safetensors", [&](Output& output) {
    write_weights(document, parts, family.orders ? family.orders(files.config, config) : Orders{}, output);
  });
  for (const auto& file : files.texts) write(file.first, [&](Output& output) { output.write(file.second); });
  write("config.json", [&](Output& output) { output.write(json_text(files.config)); });
  if (!stop_signal()) made.commit();
}

}  // namespace storm
