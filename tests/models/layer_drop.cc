// LayerDrop: a batch that goes without layers.
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/random.h"
#include "models/architecture.h"
#include "models/encoder_decoder.h"
#include "models/language_model.h"
#include "tests/catch.h"
#include "tests/ops/once.h"

using namespace storm;

namespace {

using Changes = std::vector<std::pair<std::string, std::string>>;

std::unique_ptr<Model> model_of(const char* arch, const char* preset, const std::string& rate, const Changes& more) {
  Changes changes{{"layers", "3"}, {"d-model", "8"}, {"d-ff", "16"},
                  {"heads", "2"},  {"dropout", "0"}, {"layer-drop", rate}};
  changes.insert(changes.end(), more.begin(), more.end());
  const std::vector<int64_t> sizes(architecture(arch).vocabularies.size(), 20);
  auto model = make_model(make_config(architecture(arch), preset, changes, sizes));
  model->parameters().initialize(1);
  model->parameters().allocate_gradients();
  return model;
}

struct Recorded {
  std::size_t nodes;
  std::vector<float> states;
};

// Of a batch with this number, or of one that draws nothing.
Recorded recorded(const Model& model, std::optional<uint64_t> number, bool gradients = true) {
  PackedSentences text;
  for (const auto& ids : {std::vector<int32_t>{5, 6, 7}, {8, 9}}) text.add(2, ids, -1);
  Graph graph(gradients);
  if (number) graph.set_draws(RandomStream(3, RandomUse::layer_drop, stream_of_batch(*number)));
  const auto* translator = dynamic_cast<const EncoderDecoder*>(&model);
  const Value states = translator ? translator->states(graph, text, text)
                                  : dynamic_cast<const LanguageModel&>(model).states(graph, text);
  graph.keep(states);
  const test::Once once(graph);
  once.forward();
  const float* data = once.run.data(states);
  return {graph.nodes().size(), {data, data + graph.shape(states).size()}};
}

}  // namespace

TEST_CASE("without all of its layers a model is its embeddings, and the last norm where norms stand in front") {
  const auto post = model_of("transformer", "base", "0.9999999", {}),
             pre = model_of("transformer", "base", "0.9999999", {{"norm", "pre"}});
  const auto embedded = recorded(*post, 1).states, normed = recorded(*pre, 1).states;
  const auto gain = pre->parameters().view("decoder.norm.weight"), bias = pre->parameters().view("decoder.norm.bias");
  REQUIRE(embedded.size() == normed.size());
  for (std::size_t row = 0; row < embedded.size(); row += 8) {
    double mean = 0, variance = 0;
    for (std::size_t i = 0; i < 8; ++i) mean += static_cast<double>(embedded[row + i]) / 8;
    for (std::size_t i = 0; i < 8; ++i) variance += std::pow(static_cast<double>(embedded[row + i]) - mean, 2) / 8;
    for (std::size_t i = 0; i < 8; ++i) {
      const double want =
          (static_cast<double>(embedded[row + i]) - mean) / std::sqrt(variance + 1e-5) * static_cast<double>(gain[i]) +
          static_cast<double>(bias[i]);
      CHECK(normed[row + i] == Approx(want).margin(1e-5));
    }
  }
}

TEST_CASE("batches go without other layers, as often as the rate says, and only where something is drawn") {
  // Nodes of three layers: 7 of an encoder's, 12 of a decoder's, 6 of GPT's, whose next norm is taken alone.
  for (const auto& [arch, preset, in_layers] : {std::tuple("transformer", "base", 57.0), {"gpt", "gpt-tiny", 18.0}}) {
    const auto model = model_of(arch, preset, "0.3", {}), whole = model_of(arch, preset, "0", {});
    const Recorded all = recorded(*whole, 1);
    CHECK(recorded(*model, {}).states == all.states);
    CHECK(recorded(*model, 1).nodes == recorded(*model, 1).nodes);
    double sum = 0;
    const int batches = 3000;
    for (int b = 0; b < batches; ++b)
      sum += static_cast<double>(recorded(*model, static_cast<uint64_t>(b)).nodes) / static_cast<double>(all.nodes);
    CHECK(sum / batches == Approx(1 - 0.3 * in_layers / static_cast<double>(all.nodes)).margin(0.01));
  }
}
