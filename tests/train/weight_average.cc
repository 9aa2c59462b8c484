// What the training loop does against learning by heart: the moving average of the weights, R-Drop, word dropout.
#include "train/weight_average.h"

#include <cmath>

#include "base/log.h"
#include "stream/stream.h"
#include "tests/catch.h"
#include "tests/train/small_run.h"

using namespace storm;
using test::trained;

namespace {

struct Quiet {
  Quiet() { set_quiet(true); }
} quiet_tests;

std::vector<float> weights_of(const std::string& path) {
  std::vector<float> all;
  const auto document = read_document(path);
  for (const Tensor& t : document.tensors()) {
    if (t.dtype != DType::F32) continue;
    const auto* values = reinterpret_cast<const float*>(t.bytes.data());
    all.insert(all.end(), values, values + t.bytes.size() / sizeof(float));
  }
  return all;
}

}  // namespace

TEST_CASE("the average of the weights is torch.optim.swa_utils' with get_ema_multi_avg_fn") {
  const auto model = test::small_model();
  auto& parameters = model->parameters();
  parameters.allocate_gradients();
  WeightAverage average(parameters, 0.9);
  // A linear layer's three weights as they were after four updates, and what torch's average of 0.9 was then.
  const float want[4][3] = {{1.0f, -0.5f, 0.25f},
                            {1.100000023841858f, -0.6000000238418579f, 0.32499998807907104f},
                            {1.290000081062317f, -0.7900000214576721f, 0.5174999833106995f},
                            {1.561000108718872f, -1.0609999895095825f, 0.8657500147819519f}};
  for (int i = 1; i <= 4; ++i) {
    const auto t = static_cast<float>(i);
    std::ranges::copy(std::vector{t, 0.5f - t, t * t * 0.25f}, parameters.values().begin());
    average.add(i);
    for (std::size_t k = 0; k < 3; ++k) CHECK(average.numbers()[k] == Approx(want[i - 1][k]).epsilon(1e-6));
  }
  const std::vector<float> before(parameters.values().begin(), parameters.values().end());
  {
    const WeightAverage::InPlace in_place(&average);
    CHECK(parameters.values()[0] == Approx(want[3][0]).epsilon(1e-6));
  }
  CHECK(std::ranges::equal(before, parameters.values()));
}

TEST_CASE("with either, a resumed run ends in the bits of one that was not stopped") {
  test::SmallRun whole, parts;
  for (test::SmallRun* run : {&whole, &parts}) {
    run->settings.accumulate = 2;
    run->settings.micro_batch = 40;
    run->settings.r_drop = 3;
    run->settings.ema = 0.9;
    run->plan.snapshots = {2, false};
  }
  trained(whole);
  bool resume = false;
  for (const int64_t steps : {3, 8, 20}) {
    parts.plan.validate_every = steps == 20 ? 8 : 1000;
    parts.plan.steps = steps;
    trained(parts, resume);
    resume = true;
  }
  CHECK(weights_of(whole.checkpoint()) == weights_of(parts.checkpoint()));
  CHECK(weights_of(whole.checkpoint()).size() > weights_of(whole.plan.output).size());
}

TEST_CASE("the model is the average, training goes on from the weights, and their bits are those of a run without") {
  test::SmallRun plain, averaged;
  averaged.settings.ema = 0.8;
  const auto without = trained(plain), with = trained(averaged);
  CHECK(with.validation.nll != without.validation.nll);
  const auto weights = read_document(plain.checkpoint()), also = read_document(averaged.checkpoint());
  for (const Tensor& t : weights.tensors()) CHECK(std::ranges::equal(t.bytes, also.tensor(t.name).bytes));
  CHECK(weights_of(averaged.plan.output) != weights_of(plain.plan.output));
  const auto mean = also.values<float>(kAverage);
  const auto model = read_document(averaged.plan.output);
  const Tensor& first = model.tensors().front();
  CHECK(std::ranges::equal(first.bytes, std::as_bytes(mean).first(first.bytes.size())));
}

TEST_CASE("figures of R-Drop are of each pair once, and it learns") {
  test::SmallRun plain, twice;
  for (test::SmallRun* run : {&plain, &twice}) {
    run->plan.steps = 60;
    run->plan.validate_every = run->plan.save_every = 60;
    run->settings.label_smoothing = 0;
  }
  twice.settings.r_drop = 1;
  const auto one = trained(plain), two = trained(twice);
  CHECK(two.predicted == one.predicted);
  CHECK(two.place == one.place);
  CHECK(two.validation.nll < 3.2);
  CHECK(two.validation.nll == two.validation.loss);  // which has no part of it
}

TEST_CASE("words are dropped from what a model is fed, as often as the rate says, and not from what it must say") {
  Batch batch{.inputs = std::vector<PackedSentences>(2), .labels = std::vector<std::vector<int32_t>>(1)};
  for (auto& input : batch.inputs) input.ids.resize(10000, 7);
  batch.inputs[0].ids[17] = 3;
  batch.labels[0].assign(10000, 7);
  std::vector<bool> ordinary(8, true);
  ordinary[3] = false;
  const WordDropout dropout{.rate = 0.2, .inputs = {{ordinary, 1}}};
  Batch once = batch, again = batch, other = batch;
  dropout.drop(once, 5, 1);
  dropout.drop(again, 5, 1);
  dropout.drop(other, 5, 2);
  CHECK(once.inputs[0].ids == again.inputs[0].ids);
  CHECK(once.inputs[0].ids != other.inputs[0].ids);
  CHECK(once.inputs[0].ids != once.inputs[1].ids);
  CHECK(once.labels == batch.labels);
  CHECK(once.inputs[0].ids[17] == 3);
  for (const auto& input : once.inputs) CHECK(std::abs(std::ranges::count(input.ids, 1) - 2000) < 160);
}

TEST_CASE("the batches of an update rise from one to all that are asked for") {
  TrainSettings settings;
  settings.accumulate = 5;
  CHECK(settings.batches_after(0) == 5);
  settings.accumulate_warmup = 8;
  std::vector<int64_t> batches;
  for (int64_t step = 0; step < 10; ++step) batches.push_back(settings.batches_after(step));
  CHECK(batches == std::vector<int64_t>{1, 1, 2, 2, 3, 3, 4, 4, 5, 5});
}
