// The recurrent models against PyTorch's modules: logits, loss, every gradient, alignments; and what their settings
// are.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "models/architecture.h"
#include "tests/catch.h"
#include "tests/models/fixture.h"
#include "tests/ops/once.h"

using namespace storm;

namespace {

using Flags = std::vector<std::pair<std::string, std::string>>;

constexpr double kTolerance = 5e-6;  // of the largest element; float32 PyTorch itself is off by up to 3e-6

const std::vector<std::string> kModels{"plain",          "deep",   "additive",       "additive_lstm",
                                       "general",        "concat", "dot_feeding",    "general_feeding",
                                       "concat_feeding", "kernel", "kernel_feeding", "kernel_fixed"};

std::unique_ptr<Model> model_of(const std::string& which, const Flags& settings = {}) {
  return test::fixture_model(test::rnn_fixture(), which, settings);
}

double error_of(const std::string& which, Model& model) {
  return test::error_of(test::rnn_fixture(), which, model, test::fixture_batch());
}

nlohmann::json config_of(const std::string& preset, const Flags& flags, int64_t vocabulary = 40) {
  return make_config(architecture("rnn"), preset, flags, {vocabulary, vocabulary});
}

struct Traced {
  std::vector<std::vector<float>> weights, states;
};

Traced traced(const Model& model, AttentionScores scores = AttentionScores::probabilities) {
  const Batch batch = test::fixture_batch();
  Workspace workspace;
  Trace trace;
  trace.wants = [](AttentionKind, int64_t) { return true; };
  trace.scores = scores;
  trace.states = true;
  as<EncoderDecoder>(model).states(workspace.graph, batch.inputs[0], batch.inputs[1], &trace);
  workspace.run();
  const auto copy = [&](Value v) {
    const float* x = workspace.data(v);
    return std::vector<float>(x, x + workspace.graph.shape(v).size());
  };
  Traced found;
  for (const auto& a : trace.attentions) {
    CHECK(a.kind == AttentionKind::cross);
    CHECK(a.layer == 0);
    found.weights.push_back(copy(a.weights));
  }
  for (const Value v : trace.encoder_states) found.states.push_back(copy(v));
  return found;
}

}  // namespace

TEST_CASE("loss, token likelihoods and every gradient of recurrent models equal PyTorch's") {
  for (const auto& which : kModels) {
    INFO(which);
    CHECK(error_of(which, *model_of(which)) < test::allowed(kTolerance));
  }
}

TEST_CASE("a step of recurrent decoding gives PyTorch's logits") {
  for (const auto& which : kModels) {
    INFO(which);
    CHECK(test::decoding_error_of(test::rnn_fixture(), which, *model_of(which), test::fixture_batch()) <
          test::allowed(kTolerance));
  }
}

TEST_CASE("every parameter of a recurrent model that is left out is found by the comparison with PyTorch") {
  for (const auto& which : kModels) {
    const auto model = model_of(which);
    for (const auto& spec : model->parameters().specs()) {
      const auto view = model->parameters().view(spec.name);
      const std::vector<float> kept(view.begin(), view.end());
      std::ranges::fill(view, 0.0f);
      std::ranges::fill(model->parameters().gradients(), 0.0f);
      INFO(which << " without " << spec.name);
      CHECK(error_of(which, *model) > 100 * kTolerance);
      std::ranges::copy(kept, view.begin());
    }
  }
}

TEST_CASE("another direction of the source and another attention are found") {
  CHECK(error_of("plain", *model_of("plain", {{"reverse_source", "no"}})) > 100 * kTolerance);
  CHECK(error_of("concat", *model_of("concat", {{"reverse_source", "no"}})) > 100 * kTolerance);
  Batch batch = test::fixture_batch();
  batch.inputs[0].offsets[1] += 1;  // the first sentence takes the second's first token
  CHECK(test::error_of(test::rnn_fixture(), "general", *model_of("general"), batch) > 100 * kTolerance);
}

TEST_CASE("a recurrent model's alignments are PyTorch's, one head over the source") {
  for (const auto& which : kModels) {
    INFO(which);
    const auto model = model_of(which);
    const auto found = traced(*model);
    if (!test::rnn_fixture().find(which + ".weights")) {
      CHECK(found.weights.empty());
      continue;
    }
    REQUIRE(found.weights.size() == 1);
    const auto wanted = test::rnn_fixture().values<float>(which + ".weights");
    REQUIRE(found.weights[0].size() == wanted.size());
    CHECK(test::relative_error(found.weights[0], wanted) < test::allowed(kTolerance));
    const auto logits = traced(*model, AttentionScores::logits).weights[0];
    double worst = 0;  // over the first query, whose sentence has 5 source tokens
    double sum = 0;
    for (std::size_t i = 0; i < 5; ++i) sum += std::exp(static_cast<double>(logits[i]));
    for (std::size_t i = 0; i < 5; ++i)
      worst =
          std::max(worst, std::abs(std::exp(static_cast<double>(logits[i])) / sum - static_cast<double>(wanted[i])));
    CHECK(worst < test::allowed(kTolerance));
  }
}

TEST_CASE("an encoder of two directions gives what two encoders of one direction give") {
  for (const std::string cell : {"rnn", "gru", "lstm"}) {
    const auto make = [&](const char* both, const char* reverse) {
      auto model = make_model(config_of(
          "rnn-tiny",
          {{"cell", cell}, {"layers", "1"}, {"d-model", "12"}, {"bidirectional", both}, {"reverse-source", reverse}}));
      model->parameters().initialize(1);
      return model;
    };
    const auto both = make("yes", "no"), forward = make("no", "no"), backward = make("no", "yes");
    const auto copy = [&](Model& to, const std::string& from) {
      for (const auto& spec : to.parameters().specs()) {
        if (spec.name.rfind("encoder.0.", 0) != 0) continue;
        std::ranges::copy(both->parameters().view("encoder.0." + from + spec.name.substr(10)),
                          to.parameters().view(spec.name).begin());
      }
      std::ranges::copy(both->parameters().view("embedding.weight"), to.parameters().view("embedding.weight").begin());
      return traced(to).states;
    };
    const auto joined = traced(*both).states, one = copy(*forward, ""), other = copy(*backward, "backward.");
    REQUIRE(joined.size() == 2);
    REQUIRE(joined[1].size() == 2 * one[1].size());
    double worst = 0;
    for (std::size_t i = 0; i < one[1].size(); ++i) {
      const std::size_t at = i / 12 * 24 + i % 12;
      worst = std::max(worst, std::abs(static_cast<double>(joined[1][at] - one[1][i])));
      worst = std::max(worst, std::abs(static_cast<double>(joined[1][at + 12] - other[1][i])));
    }
    CHECK(worst < 1e-6);
    CHECK(one[1] != other[1]);
  }
}

TEST_CASE("every combination of recurrent settings builds with dropout, and its gradients are finite") {
  const Batch batch = test::fixture_batch();
  for (const std::string cell : {"rnn", "gru", "lstm"})
    for (const auto& [attention, feeding] : std::vector<std::pair<std::string, std::string>>{{"none", "no"},
                                                                                             {"additive", "no"},
                                                                                             {"dot", "no"},
                                                                                             {"general", "no"},
                                                                                             {"concat", "no"},
                                                                                             {"kernel", "no"},
                                                                                             {"kernel-fixed", "no"},
                                                                                             {"kernel", "yes"},
                                                                                             {"dot", "yes"},
                                                                                             {"general", "yes"},
                                                                                             {"concat", "yes"}}) {
      INFO(cell << ' ' << attention << ' ' << feeding);
      const auto model = make_model(config_of("rnn-tiny", {{"cell", cell},
                                                           {"d-model", "20"},
                                                           {"attention", attention},
                                                           {"input-feeding", feeding},
                                                           {"dropout", "0.3"},
                                                           {"recurrent-dropout", "0.2"}}));
      model->parameters().initialize(1);
      model->parameters().allocate_gradients();
      const auto norm = [&](uint64_t number) {
        std::ranges::fill(model->parameters().gradients(), 0.0f);
        Graph graph(true);
        const auto loss = storm::loss(as<EncoderDecoder>(*model), graph, batch, 0.1f, 1);
        const test::Once once(graph, 1, number);
        once.forward();
        once.backward();
        CHECK(std::isfinite(once.run.data<double>(loss.totals)[0]));
        double sum = 0;
        for (const float g : model->parameters().gradients()) sum += static_cast<double>(g) * static_cast<double>(g);
        return sum;
      };
      const double first = norm(1);
      CHECK(std::isfinite(first));
      CHECK(first > 0);
      CHECK(norm(1) == first);
      CHECK(norm(2) != first);  // other masks
    }
}

TEST_CASE("recurrent presets are as large as they say") {
  for (const std::string preset : {"rnn-tiny", "rnn-attn-tiny"})
    for (const int64_t vocabulary : {8000, 10000}) {
      const auto parameters = make_model(config_of(preset, {}, vocabulary))->parameters().numbers();
      INFO(preset << ' ' << vocabulary << ": " << parameters);
      CHECK(parameters > 2'000'000);
      CHECK(parameters < 4'000'000);
    }
  CHECK(architecture("rnn").training.at("clip_norm") == 5);
  CHECK(&architecture_of_preset("rnn-attn") == &architecture("rnn"));
  CHECK(&architecture_of_preset("tiny") == &architecture("transformer"));
  CHECK_THROWS_AS(architecture_of_preset("huge"), UsageError);
}

TEST_CASE("recurrent settings that do not fit together are refused with both names") {
  const auto message = [](const Flags& flags) {
    try {
      make_model(config_of("rnn-tiny", flags));
    } catch (const UsageError& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  const auto says = [&](const Flags& flags, const std::string& one, const std::string& other) {
    const auto text = message(flags);
    return text.find(one) != text.npos && text.find(other) != text.npos && text.find('\n') == text.npos;
  };
  CHECK(message({}).empty());
  CHECK(says({{"bidirectional", "yes"}}, "--reverse-source", "bidirectional"));
  CHECK(
      says({{"bidirectional", "yes"}, {"reverse-source", "no"}, {"attention", "dot"}}, "--attention: dot", "general"));
  CHECK(says({{"input-feeding", "yes"}}, "--input-feeding", "--attention"));
  CHECK(says({{"input-feeding", "yes"}, {"attention", "additive"}}, "--input-feeding", "additive"));
  CHECK(says({{"cell", "gpu"}}, "--cell", "lstm"));
  CHECK(says({{"attention", "some"}}, "--attention", "concat"));
  CHECK(says({{"bidirectional", "maybe"}}, "--bidirectional", "yes"));
  CHECK(says({{"recurrent-dropout", "1"}}, "--recurrent-dropout", "1"));
  CHECK_THROWS_AS(config_of("rnn-tiny", {{"heads", "4"}}), UsageError);
  CHECK_THROWS_AS(config_of("tiny", {}), UsageError);
}
