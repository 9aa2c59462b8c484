// BERT against Hugging Face's (scripts/torch-fixture-bert): every layer's states, pooled vectors, logits of the masked
// language model. And that the tolerance is tight enough: each part left out is found.
#include <algorithm>
#include <cstdlib>
#include <functional>
#include <nlohmann/json.hpp>

#include "models/architecture.h"
#include "models/masked_language_model.h"
#include "models/text_encoder.h"
#include "models/text_pooler.h"
#include "ops/linear.h"
#include "stream/stream.h"
#include "tensor/workspace.h"
#include "tests/catch.h"
#include "tests/errors.h"
#include "tests/relative_error.h"

using namespace storm;
using test::refused;

namespace {

constexpr double kTolerance = 1e-5;

const Document& fixture() {
  static const Document document = [] {
    const char* root = std::getenv("STORM_ROOT");
    return read_document(std::string(root ? root : ".") + "/tests/models/bert.safetensors");
  }();
  return document;
}

PackedSentences fixture_texts() {
  const auto ids = fixture().values<int32_t>("text.ids"), offsets = fixture().values<int32_t>("text.offsets"),
             segments = fixture().values<int32_t>("text.segments");
  PackedSentences texts;
  for (std::size_t s = 1; s < offsets.size(); ++s)
    texts.add(
        -1,
        ids.subspan(static_cast<std::size_t>(offsets[s - 1]), static_cast<std::size_t>(offsets[s] - offsets[s - 1])),
        -1);
  texts.segments.assign(segments.begin(), segments.end());
  return texts;
}

std::unique_ptr<Model> fixture_model(const std::string& which,
                                     const std::vector<std::pair<std::string, std::string>>& settings = {}) {
  auto config = nlohmann::json::parse(fixture().meta(which + ".config"));
  for (const auto& [key, value] : settings) config[key] = value;
  auto model = make_model(config);
  for (const auto& spec : model->parameters().specs()) {
    const auto values = fixture().values<float>(which + "." + spec.name);
    REQUIRE(values.size() == static_cast<std::size_t>(spec.shape.size()));
    std::ranges::copy(values, model->parameters().view(spec.name).begin());
  }
  return model;
}

// What a pass over the texts gives of one thing. logits: under which name the fixture has them.
struct Errors {
  double states = 0, pooled = 0, logits = 0;
  double worst() const { return std::max({states, pooled, logits}); }
};
Errors errors_of(const std::string& which, const Model& model, const PackedSentences& texts = fixture_texts(),
                 const std::string& logits = ".logits") {
  Workspace workspace;
  Graph& graph = workspace.graph;
  Trace trace;
  trace.states = true;
  const auto& masked = as<MaskedLanguageModel>(model);
  const Value last = as<TextEncoder>(model).encode(graph, texts, &trace);
  const Value pooled =
      as<TextPooler>(model).pooled(graph, last, graph.column({texts.offsets.begin(), texts.offsets.end() - 1}));
  const auto [weight, bias] = masked.output(graph);
  const Value said = linear(graph, masked.transformed(graph, last), weight, bias);
  graph.keep(pooled);
  graph.keep(said);
  workspace.run();
  const auto error = [&](const std::string& name, Value v) {
    const auto want = fixture().values<float>(which + name);
    REQUIRE(static_cast<std::size_t>(graph.shape(v).size()) == want.size());
    return test::relative_error({workspace.data(v), want.size()}, want);
  };
  Errors errors{.pooled = error(".pooled", pooled), .logits = error(logits, said)};
  for (std::size_t i = 0; i < trace.encoder_states.size(); ++i)
    errors.states = std::max(errors.states, error(".states." + std::to_string(i), trace.encoder_states[i]));
  return errors;
}

const std::vector<std::string> kModels{"tied", "untied"};

}  // namespace

TEST_CASE("BERT's states of every layer, pooled vectors and masked-LM logits equal Hugging Face's") {
  for (const auto& which : kModels) {
    INFO(which);
    const auto model = fixture_model(which);
    const Errors errors = errors_of(which, *model);
    CHECK(errors.states < kTolerance);
    CHECK(errors.pooled < kTolerance);
    CHECK(errors.logits < kTolerance);
    PackedSentences texts = fixture_texts();
    texts.segments.clear();
    CHECK(errors_of(which, *model, texts, ".first_segment.logits").logits < kTolerance);
    CHECK(errors_of(which, *model, texts).states > 100 * kTolerance);
  }
}

TEST_CASE("every parameter of BERT that is left out is found by the comparison with Hugging Face") {
  for (const auto& which : kModels) {
    const auto model = fixture_model(which);
    for (const auto& spec : model->parameters().specs()) {
      const auto view = model->parameters().view(spec.name);
      const std::vector<float> kept(view.begin(), view.end());
      std::ranges::fill(view, spec.name.ends_with("norm.weight") ? 1.0f : 0.0f);
      INFO(which << " without " << spec.name);
      CHECK(errors_of(which, *model).worst() > 100 * kTolerance);
      std::ranges::copy(kept, view.begin());
    }
  }
}

TEST_CASE("another activation of BERT and a leak between texts would be found") {
  CHECK(errors_of("tied", *fixture_model("tied", {{"activation", "gelu-tanh"}})).worst() > 10 * kTolerance);
  CHECK(errors_of("untied", *fixture_model("untied", {{"activation", "gelu"}})).worst() > 10 * kTolerance);
  PackedSentences texts = fixture_texts();
  texts.offsets[1] += 1;  // the first text takes the second's first token
  texts.longest = 12;
  CHECK(errors_of("tied", *fixture_model("tied"), texts).worst() > 100 * kTolerance);
}

TEST_CASE("a BERT has the heads that its settings name, and no parameters of others") {
  for (const bool pooler : {false, true})
    for (const bool masked_lm : {false, true}) {
      const auto word = [](bool on) { return on ? "yes" : "no"; };
      const auto model = fixture_model("tied", {{"pooler", word(pooler)}, {"masked_lm", word(masked_lm)}});
      CHECK((dynamic_cast<const TextPooler*>(model.get()) != nullptr) == pooler);
      CHECK((dynamic_cast<const MaskedLanguageModel*>(model.get()) != nullptr) == masked_lm);
      CHECK(model->parameters().contains("pooler.weight") == pooler);
      CHECK(model->parameters().contains("masked_lm.bias") == masked_lm);
      CHECK_FALSE(model->parameters().contains("masked_lm.output.weight"));
      CHECK(model->description().state_widths.size() == 3);
    }
  CHECK(refused([&] { as<TextPooler>(*fixture_model("tied", {{"pooler", "no"}})); }, {"bert has no pooler"}));
}

TEST_CASE("texts that are too long and segments that BERT does not have are errors that say so") {
  const auto model = fixture_model("tied");
  const auto pass = [&](const PackedSentences& text) {
    Graph graph(false);
    as<TextEncoder>(*model).encode(graph, text);
  };
  PackedSentences text;
  text.add(2, std::vector<int32_t>(11, 5), 3);
  CHECK(refused([&] { pass(text); }, {"a text of 13 tokens is longer than the model's 12 positions"}));
  text = fixture_texts();
  text.segments[3] = 2;
  CHECK(refused([&] { pass(text); }, {"a token of segment 2: the model has segments 0 to 1"}));
}

TEST_CASE("BERT drops out its embeddings in graphs with gradients alone") {
  const auto model = fixture_model("tied");
  for (const bool gradients : {false, true}) {
    Graph graph(gradients);
    const PackedSentences texts = fixture_texts();
    as<TextEncoder>(*model).encode(graph, texts);
    CHECK(std::ranges::any_of(graph.nodes(), [](const Node& n) { return n.op->name == std::string("join"); }) ==
          gradients);
  }
}
