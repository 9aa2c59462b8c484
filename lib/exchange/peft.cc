#include "exchange/peft.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "base/split.h"
#include "exchange/family.h"
#include "exchange/new_folder.h"
#include "models/adapted_model.h"
#include "stream/stream.h"
#include "stream/transform.h"

namespace storm {

namespace {

constexpr const char* kConfig = "adapter_config.json";
constexpr const char* kWeights = "adapter_model.safetensors";
constexpr std::string_view kOuter = "base_model.model.";  // PEFT's two classes around the model
constexpr std::string_view kWeight = ".weight";

const Family& family_of(const std::string& architecture) {
  const Family& family = family_of_architecture(architecture);
  if (!family.prefix)
    throw UsageError(str("adapters of PEFT are not known for the family ", family.model_type, "; gpt2 and bert are"));
  return family;
}

std::string without(const std::string& name, std::string_view ending) {
  return name.substr(0, name.size() - ending.size());
}

// A linear layer of theirs, and the rows of our weight that it is.
struct Module {
  std::string name;  // "encoder.layer.0.attention.self.query"
  bool head;
  std::size_t weight;  // our spec
  std::string target;  // what --lora-layers calls it
  int64_t first, rows;
};

std::vector<Module> modules_of(const Family& family, const Model& model) {
  const auto& specs = model.parameters().specs();
  std::vector<Module> modules;
  for (const auto& row : family.rows(model.config())) {
    const auto spec = std::ranges::find(specs, row.ours, &ParameterSpec::name);
    if (spec == specs.end() || !spec->linear) continue;
    const auto layer = without(row.ours, kWeight);
    const auto count = row.theirs.size();
    const int64_t rows = spec->shape.rows / static_cast<int64_t>(count);
    for (std::size_t i = 0; i < count; ++i)
      modules.push_back({without(row.theirs[i], kWeight), row.head, static_cast<std::size_t>(spec - specs.begin()),
                         count == 1 ? layer : layer + "." + spec->linear->parts.at(i).name,
                         static_cast<int64_t>(i) * rows, rows});
  }
  return modules;
}

// What of adapter_config.json decides results, as an adaptation without its layers.
Adaptation adaptation_from(const std::string& path) {
  const auto json = parse_json(read_text_file(path), path);
  JsonFields c(json, path);
  c.must("peft_type", "LORA");
  for (const char* key : {"use_dora", "lora_bias", "use_qalora"}) c.only(key, false);
  for (const char* key : {"rank_pattern", "alpha_pattern"}) c.only(key, nlohmann::json::object());
  for (const char* key : {"modules_to_save", "layer_replication", "trainable_token_indices", "target_parameters",
                          "alora_invocation_tokens", "arrow_config", "use_bdlora", "monteclora_config", "kasa_config"})
    c.only(key, nullptr);
  c.only("bias", "none");
  if (c.has("init_lora_weights") && c.any("init_lora_weights").is_string()) {
    const auto how = c.text("init_lora_weights");
    for (const char* changed : {"pissa", "olora", "corda", "loftq"})
      if (how.starts_with(changed)) c.fail_at("init_lora_weights", how, " changes the weights of the model, too");
  }
  Adaptation f;
  f.rank = c.integer("r", 8);
  if (f.rank < 1) c.fail_at("r", f.rank, " is no rank");
  const auto number = [&](const char* key, double otherwise) {
    const auto& value = c.has(key) ? c.any(key) : nlohmann::json(otherwise);
    if (!value.is_number() || !(value >= 0)) c.fail_at(key, value.dump(), " is no number from 0 on");
    return value.get<double>();
  };
  const double root = c.on("use_rslora", false) ? std::sqrt(static_cast<double>(f.rank)) : 1;
  f.alpha = number("lora_alpha", 8) * root;
  f.dropout = static_cast<float>(number("lora_dropout", 0));
  return f;
}

// Their two matrices of each module, by its name.
struct Pair {
  const Tensor *a = nullptr, *b = nullptr;
};
std::map<std::string, Pair> pairs_of(const Document& weights, const Family& family) {
  std::map<std::string, Pair> pairs;
  for (const Tensor& tensor : weights.tensors()) {
    const bool is_a = tensor.name.ends_with(".lora_A.weight"), is_b = tensor.name.ends_with(".lora_B.weight");
    require(tensor.name.starts_with(kOuter) && (is_a || is_b), weights.where, ": the tensor ", tensor.name,
            " is none of a low-rank update; STORM would pass it over");
    auto name = without(tensor.name.substr(kOuter.size()), ".lora_A.weight");
    for (const auto& prefix : family.prefixes)
      if (!prefix.empty() && name.starts_with(prefix)) name.erase(0, prefix.size());
    (is_a ? pairs[name].a : pairs[name].b) = &tensor;
  }
  return pairs;
}

// "layers.*.self.qkv.q" for all layers that there are, where all are meant; else each by its name.
std::vector<std::string> patterns_of(const std::vector<std::string>& targets, const std::vector<Module>& modules) {
  const auto any_layer = [](const std::string& target) {
    auto parts = str(target);
    const auto begin = parts.find('.');
    const auto end = begin == parts.npos ? parts.npos : parts.find('.', begin + 1);
    if (end == parts.npos || parts.find_first_not_of("0123456789", begin + 1) != end) return parts;
    return parts.replace(begin + 1, end - begin - 1, "*");
  };
  std::map<std::string, std::size_t> all, wanted;
  for (const auto& module : modules) ++all[any_layer(module.target)];
  for (const auto& target : targets) ++wanted[any_layer(target)];
  std::vector<std::string> patterns;
  for (const auto& target : targets) {
    const auto any = any_layer(target);
    const auto& pattern = all[any] == wanted[any] ? any : target;
    if (std::ranges::find(patterns, pattern) == patterns.end()) patterns.push_back(pattern);
  }
  return patterns;
}

void read_matrix(const Document& weights, const Tensor* tensor, const std::string& module, const char* which,
                 int64_t rows, int64_t cols, std::span<float> to) {
  require(tensor != nullptr, weights.where, ": ", module, " has no ", which);
  require(tensor->shape == std::vector<int64_t>({rows, cols}), weights.where, ": ", tensor->name, " is ",
          shape_text(tensor->shape), ", the model and the rank ask for ", shape_text(std::vector<int64_t>{rows, cols}));
  require(tensor->dtype == DType::F32 || tensor->dtype == DType::F16 || tensor->dtype == DType::BF16, weights.where,
          ": ", tensor->name, " is ", dtype_name(tensor->dtype), ", not F32, F16 or BF16");
  read_floats(*tensor, 0, to);
}

std::span<float> rows_of(std::span<float> matrix, int64_t first, int64_t rows, int64_t cols) {
  return matrix.subspan(static_cast<std::size_t>(first * cols), static_cast<std::size_t>(rows * cols));
}

}  // namespace

bool is_peft_folder(const std::string& path) { return has_file(file_in(path, kConfig)); }

void import_peft(const std::string& folder, const std::string& base, const std::string& command, Output& output) {
  const auto loaded = load_model(base);
  const Family& family = family_of(loaded.model->architecture());
  auto adaptation = adaptation_from(file_in(folder, kConfig));
  require(has_file(file_in(folder, kWeights)), folder, ": ", kWeights, " is missing");
  const auto weights = read_document(file_in(folder, kWeights));
  const auto pairs = pairs_of(weights, family);
  const auto modules = modules_of(family, *loaded.model);
  std::vector<std::string> targets;
  for (const auto& [name, pair] : pairs) {
    const auto module = std::ranges::find(modules, name, &Module::name);
    require(module != modules.end(), weights.where, ": the model ", base, " has no linear layer ", name);
    targets.push_back(module->target);
  }
  require(!targets.empty(), weights.where, ": holds no low-rank update");

  adaptation.base = fingerprint_of(*loaded.model);
  adaptation.low_rank_layers = joined(patterns_of(targets, modules));
  if (std::ranges::any_of(loaded.model->parameters().specs(),
                          [](const auto& spec) { return spec.name.starts_with("head."); }))
    adaptation.freeze = "head.*";
  auto config = loaded.model->config();
  adaptation.put_into(config);
  std::unique_ptr<Model> model;
  try {
    model = make_model(config);
  } catch (const UsageError& e) {
    fail(folder, ": ", e.what());
  }
  auto& parameters = model->parameters();
  for (const auto& module : modules) {
    const auto pair = pairs.find(module.name);
    if (pair == pairs.end()) continue;
    const auto& spec = parameters.specs()[module.weight];
    int64_t part = 0, b_row = 0;  // of ours
    for (const auto& updated : spec.linear->updated) {
      if (updated.first == module.first) break;
      ++part, b_row += updated.rows;
    }
    const int64_t in = spec.shape.cols, rank = adaptation.rank;
    read_matrix(weights, pair->second.a, module.name, "lora_A", rank, in,
                rows_of(parameters.view(spec.linear->a), part * rank, rank, in));
    read_matrix(weights, pair->second.b, module.name, "lora_B", module.rows, rank,
                rows_of(parameters.view(spec.linear->b), b_row, module.rows, rank));
  }
  write_document(output, trained_document(*model, {}, {{kCommandKey, command}}));
}

void export_peft(const std::string& adapter, const std::string& folder) {
  const auto document = read_document(adapter, kAdapterKind);
  const auto config = config_of(document, adapter);
  const auto adaptation = Adaptation::from(config);
  if (adaptation.rank == 0 || adaptation.adapter_width > 0 || !adaptation.frozen_pieces.empty())
    throw UsageError(str(adapter, ": PEFT has a folder for low-rank updates alone (train --lora)"));
  const auto model = make_model(config);
  read_trained(document, *model);
  const Family& family = family_of(model->architecture());
  auto& parameters = model->parameters();
  const auto prefix = family.prefix(model->config());
  if (std::ranges::any_of(parameters.specs(), [](const auto& spec) { return spec.trained && !spec.added; }))
    note(adapter, ": its head is left out");

  // How many updates of ours a module of theirs takes at most: all have one rank, and zeros where they need less.
  struct Wanted {
    const Module* module;
    std::vector<std::size_t> updates;  // which of the weight's
  };
  const auto modules = modules_of(family, *model);
  std::vector<Wanted> all;
  std::size_t most = 0;
  for (const auto& module : modules) {
    const auto& linear = *parameters.specs()[module.weight].linear;
    Wanted wanted{&module, {}};
    for (std::size_t u = 0; u < linear.updated.size(); ++u) {
      const auto& part = linear.updated[u];
      if (part.first < module.first + module.rows && module.first < part.first + part.rows) wanted.updates.push_back(u);
    }
    most = std::max(most, wanted.updates.size());
    if (!wanted.updates.empty()) all.push_back(std::move(wanted));
  }
  const auto rank = adaptation.rank, their_rank = rank * static_cast<int64_t>(most);

  Document weights;
  weights.metadata = {{"format", "pt"}};
  std::vector<std::string> targets;
  bool transposed = false;
  const auto rows = family.rows(model->config());
  for (const auto& [module, updates] : all) {
    const auto& spec = parameters.specs()[module->weight];
    const int64_t in = spec.shape.cols;
    std::vector<float> a(static_cast<std::size_t>(their_rank * in)),
        b(static_cast<std::size_t>(module->rows * their_rank));
    for (std::size_t k = 0; k < updates.size(); ++k) {
      int64_t b_row = 0;
      for (std::size_t u = 0; u < updates[k]; ++u) b_row += spec.linear->updated[u].rows;
      const auto& part = spec.linear->updated[updates[k]];
      const auto from = static_cast<int64_t>(updates[k]), to = static_cast<int64_t>(k);
      std::ranges::copy(rows_of(parameters.view(spec.linear->a), from * rank, rank, in),
                        rows_of(a, to * rank, rank, in).begin());
      const int64_t begin = std::max(part.first, module->first),
                    end = std::min(part.first + part.rows, module->first + module->rows);
      for (int64_t r = begin; r < end; ++r)
        std::ranges::copy(rows_of(parameters.view(spec.linear->b), b_row + r - part.first, 1, rank),
                          b.begin() + ((r - module->first) * their_rank + to * rank));
    }
    const auto name = str(kOuter, module->head ? "" : prefix, module->name);
    weights.add(name + ".lora_A.weight", DType::F32, {their_rank, in}, std::as_bytes(std::span(a)));
    weights.add(name + ".lora_B.weight", DType::F32, {module->rows, their_rank}, std::as_bytes(std::span(b)));
    targets.push_back(module->name);
    transposed = transposed || std::ranges::find(rows, spec.name, &TensorRow::ours)->transposed;
  }
  const nlohmann::json theirs{{"peft_type", "LORA"},
                              {"r", their_rank},
                              {"lora_alpha", adaptation.alpha * static_cast<double>(most)},
                              {"lora_dropout", adaptation.dropout},
                              {"target_modules", targets},
                              {"fan_in_fan_out", transposed},
                              {"bias", "none"},
                              {"inference_mode", true},
                              {"base_model_name_or_path", nullptr},
                              {"task_type", nullptr}};
  NewFolder made(folder);
  const auto write = [&](const char* name, auto&& content) {
    Output output(made.file(name));
    content(output);
    output.commit();
  };
  write(kWeights, [&](Output& output) { write_document(output, weights); });
  write(kConfig, [&](Output& output) { output.write(json_text(theirs)); });
  made.commit();
}

}  // namespace storm
