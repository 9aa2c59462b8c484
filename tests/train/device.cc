#include "tests/catch.h"
#include "tests/train/small_run.h"
#include "tests/train/stand_in_device.h"
#include "tools/model_device.h"
#include "train/step.h"

using namespace storm;
using namespace storm::test;

TEST_CASE("training's precision is a device's for training's batches alone, also when one fails") {
  const auto model = small_model();
  model->parameters().allocate_gradients();
  DeviceLog log;
  StandInDevice device(log);
  {
    const Translation task(*model, SpecialIds{});
    TrainingStep step(*model, task, 0.1f, 1, ProductPrecision::bf16, &device);
    const std::vector<int32_t> ids{5, 6};
    const SentencePair pair{ids, ids};
    const Batch batch = make_batch({&pair, 1}, SpecialIds{});
    step.queue(batch, std::vector{1.0f}, 0);
    CHECK(log.products == ProductPrecision::f32);
    step.queue_validation(batch);
    device.fails = true;
    CHECK_THROWS_AS(step.queue(batch, std::vector{1.0f}, 1), Error);
    CHECK(log.products == ProductPrecision::f32);
  }
  using enum ProductPrecision;
  CHECK(log.runs == std::vector{bf16, f32, bf16});
}

TEST_CASE("a model's device is gone only when its twins are, also where another takes its place") {
  const auto model = small_model();
  DeviceLog log;
  {
    ModelDevice placed;
    for (const char* name : {"A", "B"}) placed = ModelDevice(std::make_unique<StandInDevice>(log, name), *model);
    CHECK(placed.get()->description() == "B");
  }
  CHECK(log.events == std::vector<std::string>{"mirror A", "mirror B", "forget A", "gone A", "forget B", "gone B"});
}
