// BERT's pre-training against Hugging Face's BertForPreTraining (scripts/torch-fixture-bert): both losses, logits, all
// gradients, and five updates. And that each parameter that is left out is found.
#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "models/architecture.h"
#include "ops/linear.h"
#include "stream/stream.h"
#include "tasks/masked_language_model.h"
#include "tensor/execution.h"
#include "tensor/plan.h"
#include "tensor/workspace.h"
#include "tests/catch.h"
#include "tests/relative_error.h"
#include "train/optimizer.h"

using namespace storm;
using test::relative_error;

namespace {

const Document& fixture() {
  static const Document document = [] {
    const char* root = std::getenv("STORM_ROOT");
    return read_document(std::string(root ? root : ".") + "/tests/train/bert.safetensors");
  }();
  return document;
}

std::unique_ptr<Model> fixture_model() {
  auto model = make_model(nlohmann::json::parse(fixture().meta("config")));
  for (const auto& spec : model->parameters().specs())
    std::ranges::copy(fixture().values<float>(spec.name), model->parameters().view(spec.name).begin());
  model->parameters().allocate_gradients();
  return model;
}

std::vector<int32_t> ids(const std::string& name) {
  const auto values = fixture().values<int32_t>(name);
  return {values.begin(), values.end()};
}

Batch fixture_batch() {
  Batch batch{.inputs = {{.ids = ids("text.ids"), .offsets = ids("text.offsets"), .longest = 12}},
              .labels = {ids("labels.masked"), ids("labels.next")}};
  batch.inputs[0].segments = ids("text.segments");
  return batch;
}

MaskedLanguageModeling task_of(const Model& model) { return {model, 2, 3, {.mask = 4, .ordinary = {}, .goes_on = {}}}; }

// The losses' means, and the gradients of their sum, in the parameters.
std::vector<double> pass(const Model& model) {
  const Batch batch = fixture_batch();
  const auto task = task_of(model);
  const auto counts = task.counts(batch);
  const std::vector scales{1 / static_cast<float>(counts[0]), 1 / static_cast<float>(counts[1])};
  Graph graph(true);
  const auto totals = task.record(graph, batch, 0, scales);
  std::ranges::fill(model.parameters().gradients(), 0.0f);
  const Plan plan = make_plan(graph);
  Buffer arena(plan.bytes);
  const Execution run(graph, plan, arena.data());
  run.forward();
  run.backward();
  std::vector<double> means;
  for (std::size_t i = 0; i < totals.size(); ++i)
    means.push_back(run.data<double>(totals[i])[0] / static_cast<double>(counts[i]));
  return means;
}

// How far both losses and both heads' logits are from theirs, each relative to the largest.
double values_error(const Model& model) {
  const auto task = task_of(model);
  const Batch batch = fixture_batch();
  const auto means = pass(model);
  double worst = 0;
  for (const auto& [name, mean] : {std::pair{"masked.loss", means[0]}, {"next.loss", means[1]}}) {
    const float found = static_cast<float>(mean);
    worst = std::max(worst, relative_error({&found, 1}, fixture().values<float>(name)));
  }
  Workspace workspace;
  Graph& graph = workspace.graph;
  const auto asked = task.asked(graph, batch);
  const auto logits = [&](Value x, const OutputLayer& output) {
    const Value said = linear(graph, x, output.weight, output.bias);
    graph.keep(said);
    return said;
  };
  const Value masked = logits(asked.masked, task.masked_head()->output(graph)),
              next = logits(asked.next, task.next_head()->next_sentence(graph));
  workspace.run();
  for (const auto& [name, value] : {std::pair{"masked.logits", masked}, {"next.logits", next}}) {
    const auto want = fixture().values<float>(name);
    REQUIRE(want.size() == static_cast<std::size_t>(graph.shape(value).size()));
    worst = std::max(worst, relative_error({workspace.data(value), want.size()}, want));
  }
  return worst;
}

// The worst of all weights but those of the keys' bias, whose gradient is rounding error: the softmax does not see it.
double worst_of(const Model& model, const std::string& prefix, bool gradients) {
  double worst = 0;
  for (const auto& spec : model.parameters().specs()) {
    const auto view = gradients ? model.parameters().gradient_view(spec.name) : model.parameters().view(spec.name);
    const auto want = fixture().values<float>(prefix + spec.name);
    REQUIRE(view.size() == want.size());
    const auto third = want.size() / 3;
    INFO(prefix << spec.name);
    if (spec.name.ends_with("qkv.bias")) {
      worst = std::max(worst, relative_error(view.first(third), want.first(third)));
      worst = std::max(worst, relative_error(view.last(third), want.last(third)));
    } else {
      worst = std::max(worst, relative_error(view, want));
    }
  }
  return worst;
}

constexpr double kTolerance = 1e-5;

}  // namespace

TEST_CASE("pre-training's losses, logits and gradients are those of transformers' BertForPreTraining") {
  const auto model = fixture_model();
  CHECK(values_error(*model) < kTolerance);
  const auto means = pass(*model);
  const auto sum = static_cast<float>(means[0] + means[1]);
  CHECK(relative_error({&sum, 1}, fixture().values<float>("loss")) < kTolerance);
  CHECK(worst_of(*model, "grad.", true) < kTolerance);
}

TEST_CASE("every parameter that pre-training leaves out is found by the comparison") {
  const auto model = fixture_model();
  for (const auto& spec : model->parameters().specs()) {
    const auto view = model->parameters().view(spec.name);
    const std::vector<float> kept(view.begin(), view.end());
    std::ranges::fill(view, spec.name.ends_with("norm.weight") ? 1.0f : 0.0f);
    INFO("without " << spec.name);
    CHECK(values_error(*model) > 100 * kTolerance);
    std::ranges::copy(kept, view.begin());
  }
}

TEST_CASE("after five updates every weight is where transformers and AdamW have it") {
  const auto model = fixture_model();
  const auto json = nlohmann::json::parse(fixture().meta("adamw"));
  OptimizerOptions options;
  options.weight_decay = json.at("weight_decay").get<double>();
  for (const char* key : {"beta1", "beta2", "epsilon"}) options.numbers[key] = json.at(key).get<double>();
  Optimizer adam(model->parameters(), options);
  for (int64_t i = 1; i <= json.at("steps").get<int64_t>(); ++i) {
    pass(*model);
    adam.update(model->parameters().values(), model->parameters().gradients(), i, json.at("lr").get<double>());
  }
  CHECK(worst_of(*model, "stepped.", false) < 3 * kTolerance);
}
