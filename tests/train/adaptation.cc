// Trainings of a part of a model: what moves, at which rate, and what a checkpoint keeps.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "stream/stream.h"
#include "tests/catch.h"
#include "tests/errors.h"
#include "tests/train/small_run.h"
#include "train/rate_factors.h"

using namespace storm;

namespace {

struct Quiet {
  Quiet() { set_quiet(true); }
} quiet_tests;

// The model that is adapted, as a file has it.
LoadedModel base_model() {
  const auto model = test::small_model();
  return load_model(model_document(*model, {}, {}), "base");
}

std::unique_ptr<Model> adapted(const LoadedModel& base, Adaptation adaptation) {
  adaptation.base = fingerprint_of(*base.model);
  auto config = base.model->config();
  adaptation.put_into(config);
  auto model = make_model(config);
  model->parameters().initialize(1);
  read_parameters(model_document(*base.model, {}, {}), *model);
  return model;
}

const std::vector<Adaptation> kAdaptations{
    {.freeze = "encoder.*"},
    {.rank = 2, .alpha = 4, .dropout = 0.1f},
    {.adapter_width = 4, .adapters_alone = true},
    {.new_rows_alone = true, .frozen_pieces = {30, 30}},
    {.rank = 3, .alpha = 3, .low_rank_layers = "*", .new_rows_alone = true, .frozen_pieces = {25, 25}}};

bool same_values(const Model& a, const Model& b) {
  return std::ranges::equal(a.parameters().values(), b.parameters().values());
}

}  // namespace

TEST_CASE(
    "frozen numbers keep their bits, trained ones move, and a resumed run ends in the bits of one that was not "
    "stopped") {
  for (const auto& adaptation : kAdaptations) {
    // Rows beyond the frozen pieces are the adaptation's: a base of their size stands for one that was grown.
    test::SmallRun whole, parts;
    const auto base = base_model();
    INFO(adaptation.rank << " " << adaptation.adapter_width << " " << adaptation.new_rows_alone);
    const auto run = [&](test::SmallRun& r, int64_t steps, const Checkpoint* checkpoint, Model& model) {
      r.plan.steps = steps;
      const Translation task(model, SpecialIds{});
      Trainer trainer(model, task, r.data(), r.settings, r.plan);
      if (checkpoint) trainer.resume(*checkpoint);
      trainer.run();
    };
    const auto begun = adapted(base, adaptation), model = adapted(base, adaptation);
    run(whole, 16, nullptr, *model);
    for (const auto& spec : model->parameters().specs()) {
      INFO(spec.name);
      const auto before = begun->parameters().view(spec.name), after = model->parameters().view(spec.name);
      const auto frozen = before.size() - (spec.trained ? model->parameters().trained_view(spec.name).size() : 0);
      CHECK(std::ranges::equal(before.first(frozen), after.first(frozen)));
      if (spec.trained) CHECK(!std::ranges::equal(before.subspan(frozen), after.subspan(frozen)));
    }
    if (adaptation.new_rows_alone) continue;  // whose base has as many rows as the model here
    const auto first = adapted(base, adaptation);
    run(parts, 8, nullptr, *first);
    const auto stored = read_document(parts.checkpoint());
    std::size_t numbers = 0;
    for (const auto& tensor : stored.tensors())
      if (!tensor.name.starts_with("adam.") && tensor.dtype == DType::F32)
        numbers += static_cast<std::size_t>(tensor.elements());
    CHECK(numbers == model->parameters().trained_numbers());
    CHECK(stored.values<float>("adam.m").size() == model->parameters().trained());
    const auto checkpoint = load_checkpoint(parts.checkpoint(), &base);
    run(parts, 16, &checkpoint, *checkpoint.loaded.model);
    CHECK(same_values(*checkpoint.loaded.model, *model));

    CHECK(
        test::refused([&] { load_checkpoint(parts.checkpoint()); }, {"holds what was trained alone", "--init MODEL"}));
    auto other = base_model();
    other.model->parameters().values()[5] += 1;
    CHECK(test::refused([&] { load_checkpoint(parts.checkpoint(), &other); }, {"base: is not the model that"}));
  }
}

TEST_CASE("the gradient of new rows alone is that of these rows where all are trained") {
  const auto base = base_model();
  const auto all = adapted(base, {.freeze = "encoder.*,decoder.*"}),
             some = adapted(base, {.new_rows_alone = true, .frozen_pieces = {30, 30}});
  const test::SmallRun run;
  Rows rows;
  for (Model* model : {all.get(), some.get()}) {
    model->parameters().allocate_gradients();
    const Translation task(*model, SpecialIds{});
    BatchSource batches(run.train, task.sides(), 200, true, 1);
    Place place;
    REQUIRE(batches.next(place, rows));
    TrainingStep step(*model, task, 0.1f, 1);
    const Batch batch = task.batch(rows, 0, rows.size());
    step.forward_backward(batch, test::mean_of(batch), 0);
  }
  const auto want = all->parameters().gradient_view("embedding.weight"),
             got = some->parameters().gradient_view("embedding.weight");
  CHECK(got.size() == 10 * 32);
  for (std::size_t i = 0; i < got.size(); ++i) CHECK(got[i] == Approx(want[want.size() - got.size() + i]).margin(1e-7));
  CHECK(std::ranges::any_of(got, [](float g) { return g != 0; }));
}

TEST_CASE("the rate falls from layer to layer down to the embeddings, and a head has its own") {
  ParameterList list;
  for (const char* name : {"embedding.weight", "positions.weight", "layers.0.ffn.up.weight", "layers.1.self.qkv.lora_a",
                           "layers.2.ffn.norm.bias", "norm.weight", "output.weight", "head.weight"})
    list.add({.name = name, .shape = {1, 16}, .init = ParameterSpec::Init::ones});
  Parameters p(list.take());
  p.initialize(1);
  OptimizerOptions options;
  options.layer_decay = 0.5;
  CHECK(test::refused(
      [&] {
        rate_factors(Parameters({{"a", {1, 1}}}), [] {
          OptimizerOptions o;
          o.head_lr_scale = 2;
          return o;
        }());
      },
      {"--head-lr-scale", "no head"}));
  options.head_lr_scale = 8;
  const auto factors = rate_factors(p, options);
  CHECK(factors == std::vector<double>{0.0625, 0.0625, 0.125, 0.25, 0.5, 1, 1, 8});
  // And updates follow: with a decayed rate as with that rate for all, weight decay included.
  options.weight_decay = 0.1;
  Optimizer optimizer(p, options);
  std::vector<float> gradients(p.trained(), 0.5f);
  optimizer.update(p.values(), gradients, 1, 0.01);
  OptimizerOptions plain;
  plain.weight_decay = 0.1;
  for (std::size_t i = 0; i < factors.size(); ++i) {
    std::vector<float> value(16, 1.0f), gradient(16, 0.5f);
    Optimizer(16, plain).update(value, gradient, 1, 0.01 * factors[i]);
    CHECK(std::ranges::equal(p.view(p.specs()[i].name), value));
  }
  CHECK(std::ranges::all_of(gradients, [](float g) { return g == 0; }));
}
