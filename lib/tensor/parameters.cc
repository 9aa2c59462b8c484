#include "tensor/parameters.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "base/error.h"
#include "base/parallel.h"
#include "base/random.h"

namespace storm {

namespace {

std::size_t padded(std::size_t numbers) {
  constexpr std::size_t align = 64 / sizeof(float);
  return (numbers + align - 1) / align * align;
}

// Its numbers before the first one that is trained, and those from there on.
std::size_t frozen_of(const ParameterSpec& spec) {
  return static_cast<std::size_t>(spec.trained ? spec.frozen * (spec.vector ? 1 : spec.shape.cols) : spec.shape.size());
}
std::size_t trained_of(const ParameterSpec& spec) {
  return static_cast<std::size_t>(spec.shape.size()) - frozen_of(spec);
}
bool trained_as_a_whole(const ParameterSpec& spec) { return spec.trained && spec.frozen == 0; }

bool is_for_products_alone(const ParameterSpec& spec) { return spec.use == ParameterSpec::Use::products; }

}  // namespace

Parameters::Parameters(std::vector<ParameterSpec> specs) : specs_(std::move(specs)) {
  offsets_.resize(specs_.size());
  gradient_offsets_.resize(specs_.size());
  packed_.resize(specs_.size());
  for (const bool whole : {true, false}) {  // those that are trained as a whole first
    for (std::size_t i = 0; i < specs_.size(); ++i) {
      if (trained_as_a_whole(specs_[i]) != whole) continue;
      require(index_.emplace(specs_[i].name, i).second, "parameter ", specs_[i].name, " is named twice");
      offsets_[i] = gradient_offsets_[i] = count_;
      count_ += padded(static_cast<std::size_t>(specs_[i].shape.size()));
    }
    if (whole) trained_ = count_;
  }
  for (std::size_t i = 0; i < specs_.size(); ++i) {
    if (!specs_[i].trained || trained_as_a_whole(specs_[i])) continue;
    gradient_offsets_[i] = trained_;
    trained_ += padded(trained_of(specs_[i]));
  }
  values_ = Buffer(count_ * sizeof(float));
}

void Parameters::allocate_gradients() { gradients_ = Buffer(trained_ * sizeof(float)); }

namespace {

// Four numbers of mean 0 for one Philox block: uniform in [-1, 1), or normal with variance 1 (Box-Muller).
std::array<float, 4> draw(const std::array<uint32_t, 4>& words, bool normal) {
  std::array<float, 4> x;
  for (std::size_t i = 0; i < 4; ++i) x[i] = (static_cast<float>(words[i] >> 8) + 0.5f) * 0x1p-24f;  // in (0, 1)
  if (!normal) {
    for (float& v : x) v = 2 * v - 1;
    return x;
  }
  for (std::size_t i = 0; i < 4; i += 2) {
    const float radius = std::sqrt(-2 * std::log(x[i])), angle = 2 * std::numbers::pi_v<float> * x[i + 1];
    x[i] = radius * std::cos(angle);
    x[i + 1] = radius * std::sin(angle);
  }
  return x;
}

}  // namespace

void Parameters::initialize(uint64_t seed) {
  using Init = ParameterSpec::Init;
  const Philox philox{seed};
  for (std::size_t i = 0; i < specs_.size(); ++i) {
    const auto values = view(i);
    const Init init = specs_[i].init;
    if (init == Init::zeros || init == Init::ones) {
      std::fill(values.begin(), values.end(), init == Init::ones ? 1.0f : 0.0f);
      continue;
    }
    if (init == Init::row_lengths) {
      const auto rows = view(ParameterId{specs_[i].of});
      for (std::size_t r = 0, n = rows.size() / values.size(); r < values.size(); ++r) {
        double squares = 0;
        for (const float x : rows.subspan(r * n, n)) squares += static_cast<double>(x) * static_cast<double>(x);
        values[r] = static_cast<float>(std::sqrt(squares));
      }
      continue;
    }
    parallel_ranges(static_cast<int64_t>(values.size() + 3) / 4, 1024, [&](int64_t begin, int64_t end) {
      for (int64_t block = begin; block < end; ++block) {
        const auto words = philox({static_cast<uint32_t>(block), static_cast<uint32_t>(RandomUse::initial_weights),
                                   static_cast<uint32_t>(i), static_cast<uint32_t>(block >> 32)});
        const auto numbers = draw(words, init == Init::normal);
        const auto at = static_cast<std::size_t>(block) * 4;
        for (std::size_t k = 0; k < 4 && at + k < values.size(); ++k) values[at + k] = specs_[i].scale * numbers[k];
      }
    });
  }
}

std::size_t Parameters::numbers() const {
  std::size_t n = 0;
  for (const auto& spec : specs_) n += static_cast<std::size_t>(spec.shape.size());
  return n;
}

std::size_t Parameters::trained_numbers() const {
  std::size_t n = 0;
  for (const auto& spec : specs_) n += trained_of(spec);
  return n;
}

std::vector<Parameters::Stretch> Parameters::trained_stretches() const {
  std::vector<Stretch> stretches(1);
  for (std::size_t i = 0; i < specs_.size(); ++i) {
    if (trained_as_a_whole(specs_[i]))
      stretches[0].count += padded(trained_of(specs_[i]));
    else if (specs_[i].trained)
      stretches.push_back({offsets_[i] + frozen_of(specs_[i]), trained_of(specs_[i])});
  }
  return stretches;
}

std::size_t Parameters::at(std::string_view name) const {
  const auto it = index_.find(name);
  require(it != index_.end(), "the model has no parameter ", name);
  return it->second;
}

std::span<float> Parameters::view(std::string_view name) const { return view(at(name)); }

void Parameters::pack(std::size_t i, std::shared_ptr<const PackedWeight> packed) {
  packed_[i] = std::move(packed);
  if (is_for_products_alone(specs_[i]))
    values_.discard(offsets_[i] * sizeof(float), static_cast<std::size_t>(specs_[i].shape.size()) * sizeof(float));
}

std::span<float> Parameters::view(std::size_t i) const {
  require(!packed_[i] || !is_for_products_alone(specs_[i]), specs_[i].name,
          ": the weight is packed for products and has no floats; take the model that it was made from");
  return values().subspan(offsets_[i], static_cast<std::size_t>(specs_[i].shape.size()));
}

std::span<float> Parameters::trained_view(std::string_view name) const {
  const auto i = at(name);
  return view(i).subspan(frozen_of(specs_[i]));
}

std::span<float> Parameters::gradient_view(std::string_view name) const {
  const auto i = at(name);
  if (!specs_[i].trained) return {};
  return gradients().subspan(gradient_offsets_[i], trained_of(specs_[i]));
}

Value Parameters::in(Graph& graph, ParameterId id) const {
  if (!id) return {};
  const auto i = static_cast<std::size_t>(id.index);
  const bool trained = gradients_.size() && trained_of(specs_[i]) > 0;
  float* gradient = trained ? gradients().data() + gradient_offsets_[i] : nullptr;
  const PackedWeight* packed = packed_[i].get();
  const float* data = packed && is_for_products_alone(specs_[i]) ? nullptr : values().data() + offsets_[i];
  return graph.parameter(specs_[i].shape, data, gradient, trained ? specs_[i].frozen : 0, packed);
}

}  // namespace storm
