#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/errors.h"
#include "tests/stream/bytes.h"
#include "tests/train/small_run.h"
#include "train/train_settings.h"

using namespace storm;

TEST_CASE(
    "settings by which training's formulas divide by zero are refused in a file, and those next to them are not") {
  const auto good = [](const char* name, double value) {
    auto json = to_json(TrainSettings{});
    REQUIRE(json.contains(name));
    json[name] = value;
    try {
      settings_from(json);
      return true;
    } catch (const UsageError&) {
      return false;
    }
  };
  for (const char* name : {"beta1", "beta2", "momentum"}) {
    INFO(name);
    CHECK_FALSE(good(name, 1));
    CHECK(good(name, kMostDecay));
    CHECK(good(name, 0));
    CHECK_FALSE(good(name, -0.1));
  }
  CHECK_FALSE(good("label_smoothing", 1));
  CHECK(good("label_smoothing", 0.999));
}

TEST_CASE("vectors do not decay unless it is said, but they do in a checkpoint of before it could be said") {
  CHECK_FALSE(settings_from(to_json(TrainSettings{})).optimizer.decay_vectors);
  TrainSettings all;
  all.optimizer.decay_vectors = true;
  CHECK(settings_from(to_json(all)).optimizer.decay_vectors);
  auto json = to_json(TrainSettings{});
  REQUIRE(json.erase("decay_vectors") == 1);
  CHECK(settings_from(json).optimizer.decay_vectors);
}

TEST_CASE("a run takes what its settings say of weight decay") {
  const auto gains = [](double weight_decay, bool decay_vectors) {
    test::SmallRun run(60);
    run.settings.optimizer.weight_decay = weight_decay;
    run.settings.optimizer.decay_vectors = decay_vectors;
    run.settings.schedule = {Schedule::Kind::constant, 1e-6, 0, 0};
    run.plan.steps = 1;
    const auto model = run.model();
    Trainer(*model, Translation(*model, SpecialIds{}), run.data(), run.settings, run.plan).run();
    return model->parameters().view("encoder.0.self.norm.weight")[0];
  };
  CHECK(gains(0, false) > 0.9999f);
  CHECK(gains(1e5, false) > 0.9999f);
  CHECK(gains(1e5, true) < 0.91f);
}

TEST_CASE("a checkpoint with such settings is refused by name") {
  const test::SmallRun run;
  const auto model = run.model();
  {
    const Translation task(*model, SpecialIds{});
    Trainer trainer(*model, task, run.data(), run.settings, run.plan);
    trainer.run();
  }
  auto document = read_document(run.checkpoint());
  auto settings = nlohmann::json::parse(document.meta("train.settings"));
  settings["beta1"] = 1;
  document.metadata["train.settings"] = settings.dump();
  Output output(run.checkpoint());
  write_document(output, document);
  output.commit();
  CHECK(test::error_of([&] { load_checkpoint(run.checkpoint()); }) ==
        run.checkpoint() + ": the training's state: --beta1: 1 is not a number from 0 to 0.999999");
}
