#include "tests/models/language_model_fixture.h"

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "models/architecture.h"
#include "stream/stream.h"

namespace storm::test {

const Document& language_model_fixture() {
  static const Document document = [] {
    const char* root = std::getenv("STORM_ROOT");
    return read_document(std::string(root ? root : ".") + "/tests/models/language_models.safetensors");
  }();
  return document;
}

PackedSentences fixture_texts() {
  const auto ids = language_model_fixture().values<int32_t>("text.ids"),
             offsets = language_model_fixture().values<int32_t>("text.offsets");
  PackedSentences texts;
  for (std::size_t s = 1; s < offsets.size(); ++s)
    texts.add(
        -1,
        ids.subspan(static_cast<std::size_t>(offsets[s - 1]), static_cast<std::size_t>(offsets[s] - offsets[s - 1])),
        -1);
  return texts;
}

std::unique_ptr<Model> language_model_of(const std::string& which,
                                         const std::vector<std::pair<std::string, std::string>>& settings) {
  const Document& f = language_model_fixture();
  auto config = nlohmann::json::parse(f.meta(which + ".config"));
  for (const auto& [key, value] : settings) config[key] = value;
  auto model = make_model(config);
  for (const auto& spec : model->parameters().specs()) {
    const auto values = f.values<float>(which + "." + spec.name);
    require(values.size() == static_cast<std::size_t>(spec.shape.size()), spec.name, ": not the fixture's size");
    std::ranges::copy(values, model->parameters().view(spec.name).begin());
  }
  model->parameters().allocate_gradients();
  return model;
}

FixtureLoss fixture_loss(Graph& graph, const Model& model, const std::string& which, const PackedSentences& texts) {
  const Document& f = language_model_fixture();
  const auto& lm = as<LanguageModel>(model);
  FixtureLoss found;
  if (lm.carried_width() > 0) {
    const Shape shape{texts.sentences(), lm.carried_width()};
    const auto before = f.values<float>(which + ".before");
    require(before.size() == static_cast<std::size_t>(shape.size()), "a state is not as wide as the fixture's");
    found.carried.before = graph.constant(shape, before.data());
  }
  const Value states = lm.states(graph, texts, nullptr, &found.carried);
  const auto [weight, bias] = lm.output(graph);
  const auto labels = f.values<int32_t>("labels.ids");
  const auto tokens = static_cast<int64_t>(labels.size());
  found.loss = cross_entropy(graph, states, weight, bias, graph.constant({tokens, 1}, labels.data()), 0,
                             1 / static_cast<float>(tokens));
  return found;
}

}  // namespace storm::test
