#include "exchange/export.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/output.h"
#include "base/signals.h"
#include "exchange/family.h"
#include "models/model_file.h"
#include "stream/stream.h"
#include "stream/tokens.h"
#include "stream/transform.h"

namespace storm {

namespace {

namespace fs = std::filesystem;

// A folder that is written beside its place and gets its name when all is there.
class NewFolder {
 public:
  explicit NewFolder(const std::string& path) {
    path_ = fs::path(path).lexically_normal();
    if (!path_.has_filename()) path_ = path_.parent_path();  // "folder/"
    std::error_code ignored;
    require(!fs::exists(path_, ignored) || (fs::is_directory(path_, ignored) && fs::is_empty(path_, ignored)), path,
            ": is there already; give the name of a new folder");
    making_ = path_.string() + str(".", ::getpid(), ".tmp");
    std::error_code error;
    fs::remove_all(making_, ignored);
    const bool made = fs::create_directory(making_, error);
    require(made, path, ": cannot make the folder: ", error.message());
  }
  ~NewFolder() {
    std::error_code ignored;
    if (!making_.empty()) fs::remove_all(making_, ignored);
  }
  NewFolder(const NewFolder&) = delete;
  NewFolder& operator=(const NewFolder&) = delete;

  std::string file(const std::string& name) const {
    const auto path = making_ / name;
    std::error_code error;
    fs::create_directories(path.parent_path(), error);
    require(!error, path_.string(), ": cannot make the folder: ", error.message());
    return path.string();
  }
  void commit() {
    std::error_code error;
    fs::rename(making_, path_, error);
    require(!error, path_.string(), ": cannot make the folder: ", error.message());
    making_.clear();
  }

 private:
  fs::path path_, making_;
};

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
