// The encoders of models that turn a source into a target, by themselves: what a task's head is put on.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "models/architecture.h"
#include "models/encoder_decoder.h"
#include "models/masked_language_model.h"
#include "models/text_pooler.h"
#include "tensor/workspace.h"
#include "tests/catch.h"
#include "tests/errors.h"
#include "tests/ops/once.h"

using namespace storm;

namespace {

using Flags = std::vector<std::pair<std::string, std::string>>;

struct Case {
  std::string architecture, preset;
  Flags flags;
};
const std::vector<Case> kCases{
    {"transformer", "tiny", {{"d-model", "16"}, {"d-ff", "24"}, {"norm", "pre"}, {"positions", "learned"}}},
    {"transformer", "tiny", {{"d-model", "16"}, {"share-embeddings", "none"}, {"output-bias", "yes"}}},
    {"rnn", "rnn-tiny", {{"d-model", "12"}}},
    {"rnn", "rnn-attn-tiny", {{"d-model", "12"}, {"layers", "2"}, {"share-embeddings", "target"}}},
    {"convs2s", "convs2s-tiny", {{"conv", "12x3*2"}, {"d-model", "12"}}},
    {"convs2s", "convs2s-tiny", {{"conv", "12x3,16x2"}, {"d-model", "12"}, {"share-embeddings", "none"}}},
};

nlohmann::json config_of(const Case& c) {
  Flags flags = c.flags;
  flags.emplace_back("dropout", "0");
  return make_config(architecture(c.architecture), c.preset, flags, {20, 20});
}

std::unique_ptr<Model> encoder_of(const Case& c) {
  auto config = config_of(c);
  architecture(c.architecture).encoder_alone(config);
  return make_model(config);
}

PackedSentences texts() {
  PackedSentences packed;
  for (const auto& text : std::vector<std::vector<int32_t>>{{5, 6, 7, 8, 19}, {}, {9, 3, 3}}) packed.add(-1, text, 2);
  return packed;
}

std::vector<float> states_of(const Model& model) {
  Workspace workspace;
  const PackedSentences text = texts();
  const Value states = as<TextEncoder>(model).encode(workspace.graph, text);
  workspace.graph.keep(states);
  const Shape shape = workspace.graph.shape(states);
  CHECK(shape == Shape{text.tokens(), model.description().state_widths.back()});
  workspace.run();
  const float* data = workspace.data(states);
  return {data, data + shape.size()};
}

}  // namespace

TEST_CASE("an encoder alone has the names of the whole model, and with its values the same states") {
  for (const Case& c : kCases) {
    INFO(c.architecture << " " << c.preset);
    const auto whole = make_model(config_of(c)), alone = encoder_of(c);
    whole->parameters().initialize(7);
    CHECK(alone->parameters().numbers() < whole->parameters().numbers());
    for (const auto& spec : alone->parameters().specs()) {
      INFO(spec.name);
      const auto values = whole->parameters().view(spec.name);
      REQUIRE(values.size() == static_cast<std::size_t>(spec.shape.size()));
      std::ranges::copy(values, alone->parameters().view(spec.name).begin());
      CHECK((spec.name.starts_with("encoder.") || spec.name.starts_with("source_") || spec.name == "embedding.weight"));
      CHECK((spec.vocabulary == -1 || spec.vocabulary == 0));
    }
    CHECK((states_of(*alone) == states_of(*whole)));
  }
}

TEST_CASE("an encoder alone says so: one vocabulary, no decoder's attention, no target") {
  for (const Case& c : kCases) {
    INFO(c.architecture << " " << c.preset);
    const auto alone = encoder_of(c);
    CHECK(alone->description().vocabularies == std::vector<int64_t>{20});
    for (const auto& attention : alone->description().attentions) CHECK(attention.kind == AttentionKind::encoder);
    CHECK(alone->description().attentions.size() == (c.architecture == "transformer" ? 1 : 0));
    CHECK(alone->config().count("target_vocab_size") == 0);
    CHECK(test::refused([&] { as<EncoderDecoder>(*alone); }, {c.architecture, "does not turn a source into a target"}));
    CHECK(dynamic_cast<const Generator*>(alone.get()) == nullptr);
    CHECK_NOTHROW(as<EncoderDecoder>(*make_model(config_of(c))));
    CHECK_NOTHROW(make_model(alone->config()));  // from a file
  }
}

TEST_CASE("the gradient reaches every parameter of an encoder alone, and no NaN does") {
  for (const Case& c : kCases) {
    INFO(c.architecture << " " << c.preset);
    const auto alone = encoder_of(c);
    alone->parameters().initialize(3);
    alone->parameters().allocate_gradients();
    Graph graph(true);
    const PackedSentences text = texts();
    const Value states = as<TextEncoder>(*alone).encode(graph, text);
    const int64_t width = graph.shape(states).cols;
    std::vector<float> labels(static_cast<std::size_t>(3 * width));  // of three, weights that are constants
    for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = std::sin(static_cast<float>(i));
    std::vector<int32_t> targets;
    for (int64_t t = 0; t < text.tokens(); ++t) targets.push_back(static_cast<int32_t>(t % 3));
    cross_entropy(graph, states, graph.constant({3, width}, labels), {}, graph.column(targets), 0, 1);
    const test::Once once(graph);
    once.forward();
    once.backward();
    for (const auto& spec : alone->parameters().specs()) {
      const auto gradient = alone->parameters().gradient_view(spec.name);
      INFO(spec.name);
      CHECK(std::ranges::all_of(gradient, [](float g) { return std::isfinite(g); }));
      CHECK(std::ranges::any_of(gradient, [](float g) { return g != 0; }));
    }
  }
}

TEST_CASE("BERT under a head keeps its pooler where the head pools by it, and its masked language model never") {
  for (const std::string pool : {"", "mean", "pooler"}) {
    const auto& bert = architecture("bert");
    auto config = make_config(bert, "bert-tiny", {}, {20});
    if (!pool.empty()) config["pool"] = pool;
    bert.encoder_alone(config);
    const auto model = make_model(config);
    CHECK((dynamic_cast<const TextPooler*>(model.get()) != nullptr) == (pool == "pooler"));
    CHECK(dynamic_cast<const MaskedLanguageModel*>(model.get()) == nullptr);
  }
}

TEST_CASE("every architecture says how a head makes one vector of a text") {
  for (const auto* a : architectures()) {
    INFO(a->name);
    CHECK(a->pool == (a->name == "bert" ? "pooler" : a->name == "gpt" || a->name == "rnn-lm" ? "last" : "mean"));
  }
}
