#include "models/model_file.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "models/architecture.h"
#include "models/packed_weights.h"
#include "nn/adaptation.h"
#include "stream/stream.h"
#include "stream/tokens.h"
#include "stream/transform.h"

namespace storm {

namespace {

// The rows of new pieces, behind the old ones.
void append_means(std::span<float> values, std::size_t width, const GrownVocabulary& grown) {
  auto at = static_cast<std::size_t>(grown.before) * width;
  for (const auto& cut : grown.cuts) {
    require(!cut.empty(), "a new piece that was cut into none");
    for (std::size_t k = 0; k < width; ++k) {
      double sum = 0;
      for (const auto id : cut) sum += values[static_cast<std::size_t>(id) * width + k];
      values[at++] = static_cast<float>(sum / static_cast<double>(cut.size()));
    }
  }
}

}  // namespace

std::vector<int64_t> file_shape(const ParameterSpec& spec) {
  return spec.vector ? std::vector<int64_t>{spec.shape.cols} : std::vector<int64_t>{spec.shape.rows, spec.shape.cols};
}

const Tensor& parameter_tensor(const Document& document, const ParameterSpec& spec) {
  const Tensor* tensor = document.find(spec.name);
  require(tensor != nullptr, document.where, ": the parameter ", spec.name, " is missing");
  require(tensor->shape == file_shape(spec), document.where, ": ", spec.name, " is ", shape_text(tensor->shape),
          ", the configuration asks for ", shape_text(file_shape(spec)));
  require(tensor->dtype != DType::I8, document.where,
          ": holds weights of int8, which decode, embed and attn-dump take; "
          "take the model of floats that it was made from");
  require(tensor->dtype == DType::F32 || tensor->dtype == DType::F16 || tensor->dtype == DType::BF16, document.where,
          ": ", spec.name, " is ", dtype_name(tensor->dtype), ", not F32, F16 or BF16");
  return *tensor;
}

const std::string& LoadedModel::vocabulary(const std::string& column) const {
  auto it = vocabularies.find("vocab." + column);
  if (it == vocabularies.end()) it = vocabularies.find("vocab");
  require(it != vocabularies.end(), name, ": the model carries no vocabulary for '", column, "'");
  return it->second;
}

void read_parameters(const Document& document, Model& model, std::span<const GrownVocabulary> grown,
                     const std::set<std::string, std::less<>>& anew, WeightForm weights) {
  for (std::size_t i = 0; i < model.parameters().specs().size(); ++i) {
    auto spec = model.parameters().specs()[i];
    if (anew.contains(spec.name) || (spec.added && !document.find(spec.name))) continue;
    if (weights != WeightForm::floats && is_int8(document, spec)) {
      read_int8(document, model.parameters(), i);
      document.forget();
      continue;
    }
    const auto* growth =
        spec.vocabulary >= 0 && !grown.empty() ? &grown[static_cast<std::size_t>(spec.vocabulary)] : nullptr;
    if (growth) (spec.vector ? spec.shape.cols : spec.shape.rows) = growth->before;
    const Tensor& tensor = parameter_tensor(document, spec);
    // Straight from the file, since pages of floats that are given back at once cost a third of the start.
    if (weights == WeightForm::int8 && spec.use == ParameterSpec::Use::products && tensor.dtype == DType::F32) {
      const auto floats = document.values<float>(spec.name);
      model.parameters().pack(i, std::make_shared<const PackedWeight>(PackedNumbers::int8, floats.data(),
                                                                      spec.shape.rows, spec.shape.cols));
      document.forget();
      continue;
    }
    const auto values = model.parameters().view(spec.name);
    read_floats(tensor, 0, values.first(static_cast<std::size_t>(spec.shape.size())));
    if (growth) append_means(values, spec.vector ? 1 : static_cast<std::size_t>(spec.shape.cols), *growth);
    if (weights == WeightForm::int8) pack_weight(model.parameters(), i, PackedNumbers::int8);
    document.forget();  // or a model would be in memory twice
  }
}

nlohmann::json config_of(const Document& document, const std::string& name) {
  // A configuration is flat but for its defaults; what is nested without end would exhaust the stack when it is copied.
  const auto flat = [&](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    require(depth <= 8, name, ": the configuration is nested too deeply");
    return true;
  };
  auto config = nlohmann::json::parse(document.meta(kConfigKey), flat, false);
  require(!config.is_discarded(), name, ": the configuration is not JSON");
  return config;
}

std::unique_ptr<Model> made_model(const Document& document, const std::string& name) {
  require(document.kind() == kModelKind || document.kind() == kCheckpointKind, name, ": holds '", document.kind(),
          "', not a model; train writes models");
  const auto config = config_of(document, name);
  try {
    return make_model(config);
  } catch (const Error& e) {
    fail(name, ": ", e.what());
  }
}

LoadedModel load_model(const Document& document, const std::string& name, WeightForm weights) {
  LoadedModel loaded{made_model(document, name), vocabularies_of(document), document.metadata, name};
  require(Adaptation::from(loaded.model->config()).base.empty(), name,
          ": holds what was trained alone, not the model that it was made for");
  const auto& specs = loaded.model->parameters().specs();
  if (weights == WeightForm::int8 ||
      std::ranges::any_of(specs, [&](const auto& spec) { return is_int8(document, spec); }))
    loaded.model->parameters().expect_packing();
  read_parameters(document, *loaded.model, {}, {}, weights);
  return loaded;
}

LoadedModel load_model(const std::string& path, WeightForm weights) {
  return load_model(read_document(path), path, weights);
}

Document model_document(const Model& model, const std::map<std::string, std::string>& vocabularies,
                        std::map<std::string, std::string> metadata) {
  Document document;
  document.metadata = std::move(metadata);
  document.metadata.emplace(kKindKey, kModelKind);
  document.metadata[kVersionKey] = kStreamVersion;
  auto config = model.config();
  config.erase(kAdaptationKey);
  document.metadata[kConfigKey] = config.dump();
  const auto& specs = model.parameters().specs();
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const auto& spec = specs[i];
    if (is_low_rank(spec)) continue;
    if (spec.linear && spec.linear->a) {
      const auto merged = merged_weight(model.parameters(), {static_cast<int32_t>(i)});
      document.add(spec.name, DType::F32, file_shape(spec), std::as_bytes(std::span(merged)));
      continue;
    }
    const auto values = model.parameters().view(spec.name);
    document.add_view(spec.name, DType::F32, file_shape(spec), std::as_bytes(std::span<const float>(values)));
  }
  for (const auto& [name, bytes] : vocabularies) document.add(name, std::span<const char>(bytes));
  return document;
}

}  // namespace storm
