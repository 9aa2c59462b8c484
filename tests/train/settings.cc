#include <nlohmann/json.hpp>

#include "tests/catch.h"
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
    return in_range(settings_from(json));
  };
  for (const char* name : {"beta1", "beta2", "momentum"}) {
    INFO(name);
    CHECK_FALSE(good(name, 1));
    CHECK(good(name, kMostDecay));
    CHECK(good(name, 0));
    CHECK_FALSE(good(name, -0.1));
  }
  CHECK_FALSE(good("label_smoothing", 1));
  CHECK(good("label_smoothing", kMostSmoothing));
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
        run.checkpoint() + ": the training's state holds numbers out of range; the file is damaged");
}
