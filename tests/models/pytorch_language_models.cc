// Language models against PyTorch's nn.LSTM and nn.GRU and Hugging Face's GPT-2: logits, loss, every gradient, the
// state that is carried on. And that the tolerance is tight enough: each part left out is found.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "ops/linear.h"
#include "tests/catch.h"
#include "tests/models/language_model_fixture.h"
#include "tests/ops/once.h"
#include "tests/relative_error.h"

using namespace storm;

namespace {

constexpr double kTolerance = 5e-6;  // of the largest element; float32 PyTorch itself is off by up to 2.4e-6

const std::vector<std::string> kModels{"lstm", "gru", "attentive", "split", "gpt_tanh", "gpt_exact"};

std::vector<float> wanted(const std::string& name) {
  const auto values = test::language_model_fixture().values<float>(name);
  return {values.begin(), values.end()};
}

double wanted_loss(const std::string& name) { return static_cast<double>(wanted(name)[0]); }

// The largest error of the loss, the tokens' likelihoods, all gradients and the state carried on, each relative.
double error_of(const std::string& which, Model& model, const PackedSentences& texts = test::fixture_texts()) {
  Graph graph(true);
  const auto found = test::fixture_loss(graph, model, which, texts);
  const Value after = found.carried.after;
  if (after) graph.keep(after);
  std::ranges::fill(model.parameters().gradients(), 0.0f);
  const test::Once once(graph);
  once.forward();
  once.backward();
  const auto tokens = static_cast<std::size_t>(texts.tokens());
  double worst = std::abs(
      once.run.data<double>(found.loss.totals)[0] / static_cast<double>(tokens) / wanted_loss(which + ".loss") - 1);
  const auto logits = wanted(which + ".logits");
  const auto labels = test::language_model_fixture().values<int32_t>("labels.ids");
  const std::size_t vocabulary = logits.size() / tokens;
  std::vector<float> nll;
  for (std::size_t t = 0; t < tokens; ++t) {
    double sum = 0;
    for (std::size_t v = 0; v < vocabulary; ++v) sum += std::exp(static_cast<double>(logits[t * vocabulary + v]));
    nll.push_back(static_cast<float>(
        std::log(sum) - static_cast<double>(logits[t * vocabulary + static_cast<std::size_t>(labels[t])])));
  }
  worst = std::max(worst, test::relative_error({once.run.data(found.loss.token_nll), tokens}, nll));
  if (after) {
    const auto want = wanted(which + ".after");
    worst = std::max(worst, test::relative_error({once.run.data(after), want.size()}, want));
  }
  for (const auto& spec : model.parameters().specs())
    worst = std::max(
        worst, test::relative_error(model.parameters().gradient_view(spec.name), wanted(which + ".grad." + spec.name)));
  return worst;
}

}  // namespace

TEST_CASE("a language model's loss, every gradient and what it carries on equal PyTorch's") {
  for (const auto& which : kModels) {
    INFO(which);
    CHECK(error_of(which, *test::language_model_of(which)) < test::allowed(kTolerance));
  }
}

TEST_CASE("a language model's logits equal PyTorch's") {
  for (const auto& which : kModels) {
    INFO(which);
    const auto model = test::language_model_of(which);
    const auto& lm = as<LanguageModel>(*model);
    const PackedSentences texts = test::fixture_texts();
    Workspace workspace;
    Graph& graph = workspace.graph;
    CarriedState carried;
    const auto before = lm.carried_width() > 0 ? wanted(which + ".before") : std::vector<float>{};
    if (!before.empty()) carried.before = graph.constant({texts.sentences(), lm.carried_width()}, before.data());
    const Value states = lm.states(graph, texts, nullptr, &carried);
    const auto [weight, bias] = lm.output(graph);
    const Value logits = linear(graph, states, weight, bias);
    graph.keep(logits);
    workspace.run();
    const auto want = wanted(which + ".logits");
    REQUIRE(static_cast<std::size_t>(graph.shape(logits).size()) == want.size());
    CHECK(test::relative_error({workspace.data(logits), want.size()}, want) < test::allowed(kTolerance));
  }
}

TEST_CASE("GPT's step gives Hugging Face's logits") {
  for (const std::string which : {"gpt_tanh", "gpt_exact"}) {
    INFO(which);
    const auto model = test::language_model_of(which);
    const PackedSentences texts = test::fixture_texts();
    PackedSentences contexts;
    std::vector<int32_t> parents, tokens;
    for (std::size_t s = 0; s < 4; ++s) {
      const std::span text(texts.ids.begin() + texts.offsets[s], texts.ids.begin() + texts.offsets[s + 1]);
      contexts.add(-1, text.first(text.size() - 1), -1);
      parents.push_back(static_cast<int32_t>(s));
      tokens.push_back(text.back());
    }
    Workspace workspace;
    const auto decoder = as<LanguageModel>(*model).start(workspace, contexts);
    workspace.graph.clear();
    const Value logits = decoder->step(workspace.graph, parents, tokens);
    workspace.graph.keep(logits);
    workspace.run();
    const auto all = wanted(which + ".logits");
    const std::size_t width = all.size() / texts.ids.size();
    for (std::size_t s = 0; s < 4; ++s) {
      const auto last = static_cast<std::size_t>(texts.offsets[s + 1]) - 1;
      CHECK(test::relative_error({workspace.data(logits) + s * width, width},
                                 std::span(all).subspan(last * width, width)) < test::allowed(kTolerance));
    }
  }
}

TEST_CASE("every parameter of a language model that is left out is found by the comparison with PyTorch") {
  for (const auto& which : kModels) {
    const auto model = test::language_model_of(which);
    for (const auto& spec : model->parameters().specs()) {
      const auto view = model->parameters().view(spec.name);
      const std::vector<float> kept(view.begin(), view.end());
      std::ranges::fill(view, spec.name.ends_with("norm.weight") ? 1.0f : 0.0f);
      INFO(which << " without " << spec.name);
      CHECK(error_of(which, *model) > 100 * kTolerance);
      std::ranges::copy(kept, view.begin());
    }
  }
}

TEST_CASE("a missing causal mask or final norm, another GELU and a leak between texts would be found") {
  for (const std::string which : {"gpt_tanh", "gpt_exact"})
    for (const char* broken : {".unmasked", ".unnormed"}) {
      INFO(which << broken);
      CHECK(std::abs(wanted_loss(which + broken) / wanted_loss(which + ".loss") - 1) > 100 * kTolerance);
    }
  CHECK(error_of("gpt_tanh", *test::language_model_of("gpt_tanh", {{"activation", "gelu"}})) > 100 * kTolerance);
  CHECK(error_of("gpt_exact", *test::language_model_of("gpt_exact", {{"activation", "gelu-tanh"}})) > 100 * kTolerance);
  for (const auto& which : kModels) {
    INFO(which);
    PackedSentences texts = test::fixture_texts();
    texts.offsets[1] += 1;  // the first text takes the second's only token
    texts.offsets[2] += 1;
    texts.longest = 12;
    CHECK(error_of(which, *test::language_model_of(which), texts) > 100 * kTolerance);
  }
}
