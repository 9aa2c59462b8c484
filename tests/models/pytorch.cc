// The whole Transformer against PyTorch: logits, loss, every gradient. And that the tolerance is tight enough: each
// part left out, or one mask, or the scale of the scores, is found.
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "models/model.h"
#include "tests/catch.h"
#include "tests/models/fixture.h"

using namespace storm;

namespace {

constexpr double kTolerance = 5e-6;  // of the largest element; float32 PyTorch itself is off by up to 1e-6

struct Result {
  double loss, nll;
  std::vector<float> token_nll;
};

Result run(Model& model, const Batch& batch) {
  const auto tokens = static_cast<double>(batch.target.tokens());
  Graph graph(true);
  const auto loss = model.loss(graph, batch, 0.1f, static_cast<float>(1 / tokens));
  const Plan plan = make_plan(graph);
  Buffer arena(plan.bytes);
  const Execution execution(graph, plan, arena.data());
  execution.forward();
  execution.backward();
  const double* totals = execution.data<double>(loss.totals);
  const float* nll = execution.data(loss.token_nll);
  return {totals[0] / tokens, totals[1] / tokens, {nll, nll + batch.target.tokens()}};
}

// The largest error of loss, token likelihoods and gradients against the fixture, each relative.
double error_of(const std::string& which, Model& model, const Batch& batch) {
  const Document& f = test::fixture();
  const Result result = run(model, batch);
  double worst = std::abs(result.loss / static_cast<double>(f.values<float>(which + ".loss")[0]) - 1);
  worst = std::max(worst, std::abs(result.nll / static_cast<double>(f.values<float>(which + ".nll")[0]) - 1));

  const auto logits = f.values<float>(which + ".logits");
  const auto vocabulary = static_cast<std::size_t>(model.target_vocabulary());
  std::vector<float> want;
  for (std::size_t t = 0; t < batch.labels.size(); ++t) {
    double sum = 0;
    for (std::size_t v = 0; v < vocabulary; ++v) sum += std::exp(static_cast<double>(logits[t * vocabulary + v]));
    want.push_back(static_cast<float>(
        std::log(sum) - static_cast<double>(logits[t * vocabulary + static_cast<std::size_t>(batch.labels[t])])));
  }
  worst = std::max(worst, test::relative_error(result.token_nll, want));
  for (const auto& spec : model.parameters().specs()) {
    const auto* tensor = f.find(which + ".grad." + spec.name);
    if (!tensor) return INFINITY;
    worst = std::max(worst, test::relative_error(model.parameters().gradient_view(spec.name),
                                                 f.values<float>(which + ".grad." + spec.name)));
  }
  return worst;
}

}  // namespace

TEST_CASE("loss, token likelihoods and every gradient of two Transformers equal PyTorch's") {
  for (const std::string which : {"post", "pre"}) {
    const auto model = test::fixture_model(which);
    const Batch batch = test::fixture_batch();
    INFO(which);
    CHECK(error_of(which, *model, batch) < kTolerance);
  }
}

TEST_CASE("a whole step of decoding gives PyTorch's logits") {
  const Document& f = test::fixture();
  for (const std::string which : {"post", "pre"}) {
    const auto model = test::fixture_model(which);
    const Batch batch = test::fixture_batch();
    Workspace workspace;
    const auto decoder = model->start(workspace, batch.source);
    const auto logits = f.values<float>(which + ".logits");
    const auto width = static_cast<std::size_t>(model->target_vocabulary());
    // Every sentence is fed its own target, one token a step; those that have ended drop out.
    std::vector<int32_t> alive;
    for (int32_t s = 0; s < batch.target.sentences(); ++s) alive.push_back(s);
    std::vector<int32_t> parents = alive;
    for (int32_t step = 0; !alive.empty(); ++step) {
      std::vector<int32_t> tokens;
      for (const int32_t s : alive)
        tokens.push_back(
            batch.target.ids[static_cast<std::size_t>(batch.target.offsets[static_cast<std::size_t>(s)] + step)]);
      workspace.graph.clear();
      const Value out = decoder->step(workspace.graph, parents, tokens);
      workspace.graph.keep(out);
      workspace.run();
      std::vector<int32_t> left;
      parents.clear();
      for (std::size_t r = 0; r < alive.size(); ++r) {
        const auto s = static_cast<std::size_t>(alive[r]);
        const auto row = static_cast<std::size_t>(batch.target.offsets[s] + step);
        CHECK(test::relative_error({workspace.data(out) + r * width, width}, logits.subspan(row * width, width)) <
              kTolerance);
        if (batch.target.offsets[s + 1] - batch.target.offsets[s] > step + 1) {
          left.push_back(alive[r]);
          parents.push_back(static_cast<int32_t>(r));
        }
      }
      alive = left;
    }
  }
}

TEST_CASE("every parameter left out (a weight at its usual value) is found by the comparison with PyTorch") {
  const Batch batch = test::fixture_batch();
  for (const std::string which : {"post", "pre"}) {
    const auto model = test::fixture_model(which);
    for (const auto& spec : model->parameters().specs()) {
      const auto view = model->parameters().view(spec.name);
      const std::vector<float> kept(view.begin(), view.end());
      const bool gain = spec.name.ends_with("norm.weight");
      std::fill(view.begin(), view.end(), gain ? 1.0f : 0.0f);
      std::fill(model->parameters().gradients().begin(), model->parameters().gradients().end(), 0.0f);
      INFO(which << " without " << spec.name);
      CHECK(error_of(which, *model, batch) > 100 * kTolerance);
      std::copy(kept.begin(), kept.end(), view.begin());
    }
  }
}

TEST_CASE(
    "another scale of the scores, a missing causal mask, a leak between sentences and every other setting are found") {
  const auto breaks = [](const std::string& which, const std::vector<std::pair<std::string, std::string>>& settings) {
    const auto model = test::fixture_model(which, settings);
    const Batch batch = test::fixture_batch();
    return error_of(which, *model, batch) > 100 * kTolerance;
  };
  CHECK(breaks("post", {{"activation", "gelu"}}));
  CHECK(breaks("post", {{"positions", "sinusoidal-concat"}}));
  CHECK(breaks("pre", {{"activation", "relu"}}));
  CHECK(breaks("pre", {{"positions", "sinusoidal"}}));

  SECTION("without the division by sqrt(d_k)") {
    // Queries as many times larger undo it.
    const auto model = test::fixture_model("post");
    const Batch batch = test::fixture_batch();
    for (const auto& spec : model->parameters().specs()) {
      const auto view = model->parameters().view(spec.name);
      const bool fused = spec.name.find(".qkv.") != std::string::npos,
                 cross = spec.name.find(".cross.q.") != std::string::npos;
      if (!fused && !cross) continue;
      const auto queries = fused ? view.size() / 3 : view.size();
      for (std::size_t i = 0; i < queries; ++i) view[i] *= std::sqrt(8.0f);
    }
    CHECK(error_of("post", *model, batch) > 100 * kTolerance);
  }
  SECTION("with one sentence that sees another") {
    const auto model = test::fixture_model("post");
    Batch batch = test::fixture_batch();
    batch.source.offsets[1] += 1;  // the first takes the second's only token
    CHECK(error_of("post", *model, batch) > 100 * kTolerance);
  }
  SECTION("with targets whose causal mask lets one token of the next sentence in") {
    const auto model = test::fixture_model("post");
    Batch batch = test::fixture_batch();
    batch.target.offsets[1] -= 1;
    CHECK(error_of("post", *model, batch) > 100 * kTolerance);
  }
}
