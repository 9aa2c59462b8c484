// ELMo against PyTorch's nn.LSTM (scripts/torch-fixture-elmo): every layer's states, the losses of both directions,
// every gradient. And that the tolerance is tight enough: each part left out is found.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "models/architecture.h"
#include "models/bidirectional_language_model.h"
#include "models/text_encoder.h"
#include "ops/cross_entropy.h"
#include "ops/embed.h"
#include "stream/stream.h"
#include "tensor/workspace.h"
#include "tests/catch.h"
#include "tests/ops/once.h"
#include "tests/relative_error.h"

using namespace storm;

namespace {

constexpr double kTolerance = 5e-6;
const std::vector<std::string> kModels{"tied", "untied"};

const Document& fixture() {
  static const Document document = [] {
    const char* root = std::getenv("STORM_ROOT");
    return read_document(std::string(root ? root : ".") + "/tests/models/elmo.safetensors");
  }();
  return document;
}

PackedSentences fixture_texts() {
  const auto ids = fixture().values<int32_t>("text.ids"), offsets = fixture().values<int32_t>("text.offsets");
  PackedSentences texts;
  for (std::size_t s = 1; s < offsets.size(); ++s)
    texts.add(
        -1,
        ids.subspan(static_cast<std::size_t>(offsets[s - 1]), static_cast<std::size_t>(offsets[s] - offsets[s - 1])),
        -1);
  return texts;
}

std::unique_ptr<Model> fixture_model(const std::string& which) {
  auto model = make_model(nlohmann::json::parse(fixture().meta(which + ".config")));
  for (const auto& spec : model->parameters().specs()) {
    const auto values = fixture().values<float>(which + "." + spec.name);
    REQUIRE(values.size() == static_cast<std::size_t>(spec.shape.size()));
    std::ranges::copy(values, model->parameters().view(spec.name).begin());
  }
  model->parameters().allocate_gradients();
  return model;
}

double wanted(const std::string& name) { return static_cast<double>(fixture().values<float>(name)[0]); }

// The largest error of both losses and of all gradients, each relative.
double error_of(const std::string& which, Model& model, const PackedSentences& texts = fixture_texts()) {
  Graph graph(true);
  const auto& both = as<BidirectionalLanguageModel>(model);
  const auto states = both.directions(graph, texts);
  const auto [weight, bias] = both.output(graph);
  std::vector<int32_t> rows[2], labels[2];
  for (std::size_t s = 1; s < texts.offsets.size(); ++s)
    for (int32_t row = texts.offsets[s - 1]; row + 1 < texts.offsets[s]; ++row) {
      const auto at = static_cast<std::size_t>(row);
      rows[0].push_back(row), labels[0].push_back(texts.ids[at + 1]);
      rows[1].push_back(row + 1), labels[1].push_back(texts.ids[at]);
    }
  const auto count = static_cast<double>(rows[0].size());
  Value totals[2];
  for (const std::size_t i : {0u, 1u})
    totals[i] = cross_entropy(graph, gather(graph, i == 0 ? states.forward : states.backward, graph.column(rows[i])),
                              weight, bias, graph.column(labels[i]), 0, static_cast<float>(1 / count))
                    .totals;
  std::ranges::fill(model.parameters().gradients(), 0.0f);
  const test::Once once(graph);
  once.forward();
  once.backward();
  double worst = 0;
  for (const std::size_t i : {0u, 1u})
    worst = std::max(worst, std::abs(once.run.data<double>(totals[i])[0] / count /
                                         wanted(which + (i == 0 ? ".forward" : ".backward")) -
                                     1));
  for (const auto& spec : model.parameters().specs())
    worst = std::max(worst, test::relative_error(model.parameters().gradient_view(spec.name),
                                                 fixture().values<float>(which + ".grad." + spec.name)));
  return worst;
}

}  // namespace

TEST_CASE("ELMo's losses of both directions and every gradient equal PyTorch's") {
  for (const auto& which : kModels) {
    INFO(which);
    CHECK(error_of(which, *fixture_model(which)) < test::allowed(kTolerance));
  }
}

TEST_CASE("ELMo's states of every layer equal PyTorch's, and are as wide as its description says") {
  for (const auto& which : kModels) {
    const auto model = fixture_model(which);
    const PackedSentences texts = fixture_texts();
    Workspace workspace;
    Trace trace;
    trace.states = true;
    as<TextEncoder>(*model).encode(workspace.graph, texts, &trace);
    workspace.run();
    const auto& widths = model->description().state_widths;
    REQUIRE(trace.encoder_states.size() == widths.size());
    for (std::size_t i = 0; i < widths.size(); ++i) {
      INFO(which << " layer " << i);
      CHECK(workspace.graph.shape(trace.encoder_states[i]).cols == widths[i]);
      const auto want = fixture().values<float>(which + ".state." + std::to_string(i));
      REQUIRE(static_cast<std::size_t>(workspace.graph.shape(trace.encoder_states[i]).size()) == want.size());
      CHECK(test::relative_error({workspace.data(trace.encoder_states[i]), want.size()}, want) <
            test::allowed(kTolerance));
    }
  }
}

TEST_CASE("every parameter of ELMo that is left out, its residual connection and a leak between texts are found") {
  for (const auto& which : kModels) {
    const auto model = fixture_model(which);
    for (const auto& spec : model->parameters().specs()) {
      const auto view = model->parameters().view(spec.name);
      const std::vector<float> kept(view.begin(), view.end());
      std::ranges::fill(view, 0.0f);
      INFO(which << " without " << spec.name);
      CHECK(error_of(which, *model) > 100 * kTolerance);
      std::ranges::copy(kept, view.begin());
    }
    INFO(which);
    const double sum = wanted(which + ".forward") + wanted(which + ".backward");
    CHECK(std::abs(wanted(which + ".unresidual") / sum - 1) > 100 * kTolerance);
    PackedSentences texts = fixture_texts();
    texts.offsets[1] += 1;  // the first text takes the second's first EOS
    texts.longest = 12;
    CHECK(error_of(which, *model, texts) > 100 * kTolerance);
  }
}

TEST_CASE("a state of one direction of ELMo knows nothing of the tokens that the other has read") {
  const auto model = fixture_model("tied");
  const auto states = [&](const std::vector<int32_t>& ids) {
    PackedSentences text;
    text.add(-1, ids, -1);
    Workspace workspace;
    const auto both = as<BidirectionalLanguageModel>(*model).directions(workspace.graph, text);
    workspace.graph.keep(both.forward);
    workspace.graph.keep(both.backward);
    workspace.run();
    const auto rows = [&](Value v, std::ptrdiff_t from) {
      const float* x = workspace.data(v) + from * 6;
      return std::vector(x, x + 3 * 6);
    };
    return std::pair(rows(both.forward, 0), rows(both.backward, 1));  // of the first three, and of the last three
  };
  const auto whole = states({3, 9, 30, 4}), other_end = states({3, 9, 30, 5}), other_start = states({8, 9, 30, 4});
  CHECK(whole.first == other_end.first);
  CHECK(whole.second != other_end.second);
  CHECK(whole.second == other_start.second);
  CHECK(whole.first != other_start.first);
}
