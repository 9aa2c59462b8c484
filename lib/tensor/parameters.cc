#include "tensor/parameters.h"

#include "base/error.h"
#include "base/random.h"

namespace storm {

Parameters::Parameters(std::vector<ParameterSpec> specs) : specs_(std::move(specs)) {
  constexpr std::size_t align = 64 / sizeof(float);
  for (const auto& spec : specs_) {
    require(index_.emplace(spec.name, offsets_.size()).second, "parameter ", spec.name, " is named twice");
    offsets_.push_back(count_);
    count_ += (static_cast<std::size_t>(spec.shape.size()) + align - 1) / align * align;
  }
  values_ = Buffer(count_ * sizeof(float));
}

void Parameters::allocate_gradients() { gradients_ = Buffer(count_ * sizeof(float)); }

void Parameters::initialize(uint64_t seed) {
  for (std::size_t i = 0; i < specs_.size(); ++i) {
    RandomStream random(seed, RandomUse::initial_weights, i);
    for (float& x : view(specs_[i].name)) {
      switch (specs_[i].init) {
        case ParameterSpec::Init::zeros:
          x = 0;
          break;
        case ParameterSpec::Init::ones:
          x = 1;
          break;
        case ParameterSpec::Init::normal:
          x = specs_[i].scale * static_cast<float>(random.normal());
          break;
        case ParameterSpec::Init::uniform:
          x = specs_[i].scale * static_cast<float>(2 * random.uniform() - 1);
          break;
      }
    }
  }
}

std::size_t Parameters::trainable() const {
  std::size_t n = 0;
  for (const auto& spec : specs_) n += static_cast<std::size_t>(spec.shape.size());
  return n;
}

std::size_t Parameters::at(std::string_view name) const {
  const auto it = index_.find(name);
  require(it != index_.end(), "the model has no parameter ", name);
  return it->second;
}

std::span<float> Parameters::view(std::string_view name) const {
  const auto i = at(name);
  return values().subspan(offsets_[i], static_cast<std::size_t>(specs_[i].shape.size()));
}

std::span<float> Parameters::gradient_view(std::string_view name) const {
  const auto i = at(name);
  return gradients().subspan(offsets_[i], static_cast<std::size_t>(specs_[i].shape.size()));
}

Value Parameters::in(Graph& graph, ParameterId id) const {
  if (!id) return {};
  const auto i = static_cast<std::size_t>(id.index);
  float* gradient = gradients_.size() ? gradients().data() + offsets_[i] : nullptr;
  return graph.parameter(specs_[i].shape, values().data() + offsets_[i], gradient);
}

}  // namespace storm
