#include "models/model.h"

#include <nlohmann/json.hpp>

#include "nn/adaptation.h"

namespace storm {

namespace {

std::vector<ParameterSpec> adapted(ParameterList& list, const nlohmann::json& config) {
  adapt(list, Adaptation::from(config));
  return list.take();
}

}  // namespace

Model::Model(ParameterList& list, const nlohmann::json& config, Description description)
    : head_(TextHead::declare(list, config, description)),
      parameters_(adapted(list, config)),
      config_(std::make_unique<const nlohmann::json>(config)),
      description_(std::move(description)) {
  if (head_ && head_->attends()) description_.attentions.push_back({AttentionKind::pooling, 1, 1});
}

Model::~Model() = default;

std::string Model::architecture() const { return config_->value("arch", "without a name"); }

}  // namespace storm
