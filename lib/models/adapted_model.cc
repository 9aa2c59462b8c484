#include "models/adapted_model.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "models/architecture.h"
#include "stream/stream.h"
#include "stream/transform.h"

namespace storm {

namespace {

constexpr uint64_t kOdd = 0x9e3779b97f4a7c15u;  // 2^64 / the golden ratio

uint64_t hashed(uint64_t hash, uint64_t word) {
  hash = (hash ^ word) * kOdd;
  return hash ^ hash >> 29;
}

std::string hexadecimal(uint64_t number) {
  std::string text(16, '0');
  for (auto digit = text.rbegin(); digit != text.rend(); ++digit, number >>= 4)
    *digit = "0123456789abcdef"[number & 15];
  return text;
}

// The part of a parameter that the base lacks, as a spec of its own; no rows: the base has it all.
ParameterSpec beyond_base(const ParameterSpec& spec) {
  ParameterSpec part{.name = spec.name, .shape = spec.shape, .vector = spec.vector};
  int64_t& extent = spec.vector ? part.shape.cols : part.shape.rows;
  if (spec.frozen > 0) {
    part.name += ".new";
    extent -= spec.frozen;
  } else if (!spec.trained) {
    extent = 0;
  }
  return part;
}

// Its values: the last ones of the parameter.
std::span<float> values_of(const Parameters& parameters, const ParameterSpec& part, const ParameterSpec& spec) {
  return parameters.view(spec.name).last(static_cast<std::size_t>(part.shape.size()));
}

void read_base(const LoadedModel& base, Model& model, const std::string& name) {
  for (const auto& spec : model.parameters().specs()) {
    const auto to = model.parameters().view(spec.name);
    const auto count = to.size() - static_cast<std::size_t>(beyond_base(spec).shape.size());
    if (count == 0) continue;
    require(base.model->parameters().contains(spec.name), base.name, ": has no parameter ", spec.name, ", which ", name,
            " was made for");
    const auto from = base.model->parameters().view(spec.name);
    require(from.size() == count, base.name, ": ", spec.name, " has ", from.size(), " numbers, ", name,
            " was made for ", count);
    std::ranges::copy(from, to.begin());
  }
}

}  // namespace

std::string fingerprint_of(const Model& model) {
  uint64_t hash = kOdd;
  for (const auto& spec : model.parameters().specs()) {
    for (const char c : spec.name) hash = hashed(hash, static_cast<unsigned char>(c));
    hash = hashed(hashed(hash, static_cast<uint64_t>(spec.shape.rows)), static_cast<uint64_t>(spec.shape.cols));
    const auto values = model.parameters().view(spec.name);
    // Four at a time, which do not wait for one another.
    std::array<uint64_t, 4> lanes{hash, hash + 1, hash + 2, hash + 3};
    for (std::size_t i = 0; i < values.size(); ++i) {
      uint32_t bits = 0;
      std::memcpy(&bits, &values[i], sizeof bits);
      lanes[i % 4] = hashed(lanes[i % 4], bits);
    }
    for (const uint64_t lane : lanes) hash = hashed(hash, lane);
  }
  return hexadecimal(hash);
}

Document trained_document(const Model& model, const std::map<std::string, std::string>& vocabularies,
                          std::map<std::string, std::string> metadata) {
  Document document;
  document.metadata = std::move(metadata);
  document.metadata.emplace(kKindKey, kAdapterKind);
  document.metadata[kVersionKey] = kStreamVersion;
  document.metadata[kConfigKey] = model.config().dump();
  for (const auto& spec : model.parameters().specs()) {
    const auto part = beyond_base(spec);
    if (part.shape.size() == 0) continue;
    document.add_view(part.name, DType::F32, file_shape(part),
                      std::as_bytes(std::span<const float>(values_of(model.parameters(), part, spec))));
  }
  for (const auto& [name, bytes] : vocabularies) document.add(name, std::span<const char>(bytes));
  return document;
}

void read_trained(const Document& document, Model& model) {
  for (const auto& spec : model.parameters().specs()) {
    const auto part = beyond_base(spec);
    if (part.shape.size() == 0) continue;
    read_floats(parameter_tensor(document, part), 0, values_of(model.parameters(), part, spec));
  }
}

std::unique_ptr<Model> adapted_model(const LoadedModel& base, const Document& document, const std::string& name) {
  const auto config = config_of(document, name);
  std::unique_ptr<Model> model;
  Adaptation adaptation;
  try {
    adaptation = Adaptation::from(config);
    model = make_model(config);
  } catch (const Error& e) {
    fail(name, ": ", e.what());
  }
  const auto fingerprint = fingerprint_of(*base.model);
  require(adaptation.base == fingerprint, base.name, ": is not the model that ", name, " was made for (", fingerprint,
          ", not ", adaptation.base.empty() ? "none" : adaptation.base, "); give that one");
  read_base(base, *model, name);
  read_trained(document, *model);
  return model;
}

}  // namespace storm
