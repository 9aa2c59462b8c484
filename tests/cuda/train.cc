// The training loop on a device comes out as on the CPU: figures, files, resumed runs and errors.
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/input.h"
#include "base/log.h"
#include "cuda/cuda_device.h"
#include "decode/translate.h"
#include "stream/stream.h"
#include "tests/catch.h"
#include "tests/relative_error.h"
#include "tests/train/small_run.h"
#include "tests/train/text_run.h"
#include "train/gradient_norm.h"
#include "train/memory.h"

using namespace storm;
using test::relative_error;
using test::tensors_of;
using test::trained;

namespace {

struct Quiet {
  Quiet() { set_quiet(true); }
} quiet_tests;

using Settings = std::vector<std::pair<std::string, std::string>>;

std::unique_ptr<Model> model_of(const char* arch, const char* preset, const Settings& settings) {
  auto model = make_model(make_config(architecture(arch), preset, settings, {test::kVocabulary, test::kVocabulary}));
  model->parameters().initialize(1);
  return model;
}

std::unique_ptr<Model> small_transformer() {
  return model_of("transformer", "tiny",
                  {{"layers", "1"}, {"d-model", "16"}, {"d-ff", "32"}, {"heads", "2"}, {"dropout", "0.1"}});
}

// A run of few and small batches: the emulated device is slow.
test::SmallRun short_run() {
  test::SmallRun run(60);
  run.settings.max_tokens = 40;
  run.settings.schedule = {Schedule::Kind::inverse_sqrt, 0.01, 10, 0};
  // Adam would make whole steps of rounding errors, and weights could not be compared.
  run.settings.optimizer.name = "nesterov";
  run.settings.clip_norm = 0.5;
  run.plan.steps = 6;
  run.plan.validate_every = run.plan.save_every = 3;
  run.plan.report_every = 2;
  run.model = small_transformer;
  return run;
}

std::vector<float> weights_of(const std::string& path) {
  const auto loaded = load_model(read_document(path), path);
  const auto values = loaded.model->parameters().values();
  return {values.begin(), values.end()};
}

// The loss per token of each of the first updates.
std::vector<double> first_losses(const TokenFile& file, Model& model, int64_t updates, Device* device) {
  auto& parameters = model.parameters();
  parameters.allocate_gradients();
  const Translation task(model, SpecialIds{});
  TrainingStep step(model, task, 0.1f, 1, ProductPrecision::f32, device);
  Optimizer adam(parameters.values().size(), {}, device);
  const BatchSource source(file, task.sides(), 16, true, 1);
  std::vector<double> losses;
  Rows pairs;
  for (Place place; static_cast<int64_t>(losses.size()) < updates;) {
    if (!source.next(place, pairs)) continue;  // the next epoch begins
    const Batch batch = test::one_batch(pairs);
    const auto number = static_cast<int64_t>(losses.size());
    const auto sums = step.forward_backward(batch, test::mean_of(batch), static_cast<uint64_t>(number));
    losses.push_back(mean_loss(sums));
    const double norm = device ? device->norm(parameters.gradients()) : gradient_norm(parameters.gradients());
    adam.update(parameters.values(), parameters.gradients(), number + 1, 0.005, clip_scale(norm, 1));
  }
  return losses;
}

std::string message_of(Trainer& trainer) {
  try {
    trainer.run();
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("streams of text carry their state on a device as on the CPU, and from a checkpoint on to the bit") {
  const auto device = cuda::open_device(0);
  test::TextRun cpu, whole, parts;
  for (test::TextRun* run : {&cpu, &whole, &parts}) {
    run->read_streams(4, 8);
    run->options.dropout = 0;
    run->settings.optimizer.name = "nesterov";
    run->plan.steps = 12;
    if (run != &cpu) run->device = device.get();
  }
  const auto wanted = cpu.trained(), got = whole.trained();
  CHECK(got.place.epoch == 1);
  CHECK(got.validation.nll == Approx(wanted.validation.nll).epsilon(1e-5));
  CHECK(relative_error(weights_of(whole.plan.output), weights_of(cpu.plan.output)) < 1e-4);
  parts.plan.validate_every = 1000;
  parts.plan.steps = 5;
  parts.trained();
  parts.plan.validate_every = whole.plan.validate_every;
  parts.plan.steps = 12;
  parts.trained(true);
  CHECK(tensors_of(whole.checkpoint()) == tensors_of(parts.checkpoint()));
}

TEST_CASE("the losses of the first twenty updates with Adam are the CPU's to 1e-4, of each architecture") {
  const auto device = cuda::open_device(0);
  const test::SmallRun run(60);
  const std::vector<std::function<std::unique_ptr<Model>()>> models{
      [] {
        return model_of("transformer", "tiny", {{"layers", "1"}, {"d-model", "8"}, {"d-ff", "16"}, {"heads", "2"}});
      },
      [] {
        return model_of("rnn", "rnn-attn-tiny", {{"layers", "1"}, {"d-model", "8"}, {"share-embeddings", "none"}});
      },
      [] {
        return model_of("convs2s", "convs2s-tiny", {{"conv", "8x3"}, {"d-model", "8"}, {"max-positions", "20"}});
      }};
  for (const auto& make : models) {
    const auto here = make(), there = make();
    const auto want = first_losses(run.train, *here, 20, nullptr),
               got = first_losses(run.train, *there, 20, device.get());
    for (std::size_t i = 0; i < want.size(); ++i) {
      INFO("update " << i + 1);
      CHECK(std::abs(got[i] - want[i]) < 1e-4);
    }
  }
}

TEST_CASE("a run on a device has the CPU's figures and weights, with parts of batches, accumulation and clipping") {
  const auto device = cuda::open_device(0);
  auto here = short_run(), there = short_run();
  for (test::SmallRun* run : {&here, &there}) {
    run->settings.micro_batch = 15;
    run->settings.accumulate = 2;
  }
  const auto want = trained(here), got = trained(there, false, device.get());
  CHECK(got.step == want.step);
  CHECK(got.batches == want.batches);
  CHECK(got.batches > 4 * got.step);
  CHECK(got.predicted == want.predicted);
  CHECK(got.best_step == want.best_step);
  CHECK(got.validation.loss == Approx(want.validation.loss).epsilon(1e-5));
  CHECK(got.validation.nll == Approx(want.validation.nll).epsilon(1e-5));
  CHECK(relative_error(weights_of(there.plan.output), weights_of(here.plan.output)) < 1e-5);
  here.settings.clip_norm = 0;
  trained(here);
  CHECK(relative_error(weights_of(there.plan.output), weights_of(here.plan.output)) > 1e-3);
}

TEST_CASE("the log of a run on a device has the CPU's lines: steps, losses and norms of all updates") {
  const auto device = cuda::open_device(0);
  std::vector<std::vector<double>> columns;
  for (Device* on : {static_cast<Device*>(nullptr), device.get()}) {
    auto run = short_run();
    run.plan.log = run.folder / "run.tsv";
    run.plan.steps = 5;
    trained(run, false, on);
    auto& all = columns.emplace_back();
    Input input(run.plan.log);
    std::string line;
    for (input.read_line(line); input.read_line(line);) {
      std::vector<std::string> fields(1);
      for (const char c : line) c == '\t' ? void(fields.emplace_back()) : fields.back().push_back(c);
      for (const std::size_t field : {0, 1, 4, 5, 6, 8, 9})  // not the seconds
        if (!fields[field].empty()) all.push_back(std::stod(fields[field]));
    }
  }
  REQUIRE(columns[0].size() == columns[1].size());
  CHECK(columns[0].size() > 15);
  for (std::size_t i = 0; i < columns[0].size(); ++i) CHECK(columns[1][i] == Approx(columns[0][i]).epsilon(2e-4));
}

TEST_CASE(
    "a run on a device that was stopped and resumed ends in the bits of one that was not, with either optimizer") {
  const auto device = cuda::open_device(0);
  auto whole = short_run(), parts = short_run();
  const bool adam = GENERATE(false, true);
  for (test::SmallRun* run : {&whole, &parts}) {
    if (adam) run->settings.optimizer.name = "adam";
    run->settings.micro_batch = 20;
  }
  whole.plan.steps = 3;
  trained(whole, false, device.get(), false);
  parts.plan.steps = 1;
  trained(parts, false, device.get(), false);
  parts.plan.steps = 3;
  trained(parts, true, cuda::open_device(0).get(), false);
  CHECK(tensors_of(whole.checkpoint()) == tensors_of(parts.checkpoint()));
  CHECK(tensors_of(whole.plan.output) == tensors_of(parts.plan.output));
}

TEST_CASE("R-Drop and the average of the weights are the CPU's on a device, and resume to the bit") {
  const auto device = cuda::open_device(0);
  auto here = short_run(), there = short_run(), parts = short_run();
  for (test::SmallRun* run : {&here, &there, &parts}) {
    run->settings.r_drop = 2;
    run->settings.ema = 0.7;
  }
  const auto want = trained(here), got = trained(there, false, device.get());
  CHECK(got.validation.nll == Approx(want.validation.nll).epsilon(1e-5));
  CHECK(relative_error(weights_of(there.plan.output), weights_of(here.plan.output)) < 1e-5);
  parts.plan.steps = 3;
  trained(parts, false, device.get());
  parts.plan.steps = 6;
  trained(parts, true, device.get());
  CHECK(tensors_of(there.checkpoint()) == tensors_of(parts.checkpoint()));
  CHECK(tensors_of(there.plan.output) == tensors_of(parts.plan.output));
}

TEST_CASE("a checkpoint of the CPU goes on on a device, and back") {
  const auto device = cuda::open_device(0);
  auto here = short_run(), there = short_run();
  trained(here);
  there.plan.steps = 2;
  trained(there);
  CHECK(load_checkpoint(there.checkpoint()).settings.device == "cpu");
  there.plan.steps = 4;
  trained(there, true, device.get());
  CHECK(load_checkpoint(there.checkpoint()).settings.device == device_name(device.get()));
  there.plan.steps = 6;
  trained(there, true, nullptr);
  CHECK(relative_error(weights_of(there.plan.output), weights_of(here.plan.output)) < 1e-5);
  const auto document = read_document(there.checkpoint()), other = read_document(here.checkpoint());
  const auto got = document.values<float>("nesterov.m"), want = other.values<float>("nesterov.m");
  CHECK(relative_error(got, want) < 1e-4);
}

TEST_CASE("snapshots and the mean of them hold the weights that the device had then") {
  const auto device = cuda::open_device(0);
  auto here = short_run(), there = short_run();
  const bool best = GENERATE(false, true);
  for (test::SmallRun* run : {&here, &there}) {
    run->plan.steps = 4;
    run->plan.validate_every = run->plan.save_every = 2;
    run->plan.snapshots = {2, best};
  }
  const auto want = trained(here), got = trained(there, false, device.get());
  REQUIRE(got.snapshots.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    REQUIRE(got.snapshots[i].step == want.snapshots[i].step);
    const auto step = got.snapshots[i].step;
    CHECK(relative_error(weights_of(snapshot_path(there.plan.output, step)),
                         weights_of(snapshot_path(here.plan.output, step))) < 1e-5);
  }
  CHECK(relative_error(weights_of(there.plan.output), weights_of(here.plan.output)) < 1e-5);
}

TEST_CASE("translations during training are those of the weights as they are on the device") {
  const auto device = cuda::open_device(0);
  const test::SmallRun run(20);
  const auto model = small_transformer();
  auto& parameters = model->parameters();
  parameters.allocate_gradients();
  const std::vector<float> before(parameters.values().begin(), parameters.values().end());
  const Translation task(*model, SpecialIds{});
  TrainingStep step(*model, task, 0.1f, 1, ProductPrecision::f32, device.get());
  Optimizer adam(parameters.values().size(), {}, device.get());
  Rows pairs;
  for (int64_t i = 0; i < 20; ++i) run.train.append(i, pairs);
  const Batch batch = test::one_batch(pairs);
  for (int64_t i = 0; i < 3; ++i) {
    step.forward_backward(batch, test::mean_of(batch), static_cast<uint64_t>(i));
    adam.update(parameters.values(), parameters.gradients(), i + 1, 0.01, 1);
  }
  const std::vector<std::span<const int32_t>> sources{pairs(0, 0), pairs(3, 0)};
  DecodeOptions options;
  options.beam = 2;
  options.max_length = 4;
  options.device = device.get();
  const auto got = translate(as<EncoderDecoder>(*model), SpecialIds{}, sources, options);
  step.download();
  CHECK(!std::ranges::equal(before, parameters.values()));
  options.device = nullptr;
  const auto want = translate(as<EncoderDecoder>(*model), SpecialIds{}, sources, options);
  for (std::size_t s = 0; s < sources.size(); ++s) {
    CHECK(got[s].front().ids == want[s].front().ids);
    CHECK(std::abs(got[s].front().score - want[s].front().score) < 1e-5f);
  }
}

TEST_CASE("a loss that is no number says on a device what it says on the CPU, and leaves the checkpoint alone") {
  const auto device = cuda::open_device(0);
  auto run = short_run();
  run.settings.micro_batch = 20;
  run.plan.steps = 2;
  trained(run);
  run.plan.steps = 8;
  run.plan.save_every = 1;
  const auto before = tensors_of(run.checkpoint());
  std::vector<std::string> messages;
  for (Device* on : {static_cast<Device*>(nullptr), device.get()}) {
    const auto checkpoint = load_checkpoint(run.checkpoint());
    checkpoint.loaded.model->parameters().view("embedding.weight")[200] = std::numeric_limits<float>::quiet_NaN();
    const Translation task(*checkpoint.loaded.model, SpecialIds{});
    Trainer trainer(*checkpoint.loaded.model, task, run.data(), checkpoint.settings, run.plan, on);
    trainer.resume(checkpoint);
    messages.push_back(message_of(trainer));
    CHECK(tensors_of(run.checkpoint()) == before);
  }
  CHECK(messages[0].find("step 3, batch ") != messages[0].npos);
  CHECK(messages[1] == messages[0]);
}

TEST_CASE("a gradient that is no number is told with its step, though the device has been given the next one") {
  const auto device = cuda::open_device(0);
  std::vector<std::string> messages;
  auto run = short_run();
  run.settings.schedule.peak = 1e30;  // the second step's weights are infinite
  run.settings.schedule.warmup = 0;
  run.settings.clip_norm = 0;
  run.plan.report_every = 1000;
  run.plan.validate_every = run.plan.save_every = 1000;
  run.plan.steps = 20;
  for (Device* on : {static_cast<Device*>(nullptr), device.get()}) {
    const auto model = run.model();
    const Translation task(*model, SpecialIds{});
    Trainer trainer(*model, task, run.data(), run.settings, run.plan, on);
    messages.push_back(message_of(trainer));
  }
  CHECK(messages[0].find("step 2") != messages[0].npos);
  CHECK(messages[1] == messages[0]);
}

TEST_CASE("what training takes is held against what a device has free, before anything is run") {
  const auto device = cuda::open_device(0);
  auto run = short_run();
  const auto free = device->free_bytes();
  CHECK(usable_bytes(*device, false) < free);
  CHECK(usable_bytes(*device, true) < usable_bytes(*device, false));
  const auto model = run.model();
  model->parameters().allocate_gradients();
  const Translation task(*model, SpecialIds{});
  const std::vector<int64_t> kLongest{7, 7};
  MemoryOptions options;
  options.device = device.get();
  const auto fitting = fitting_max_tokens(*model, task, usable_bytes(*device, false), 1 << 24, kLongest, options);
  const auto need = training_memory(*model, task, fitting, kLongest, options);
  CHECK(need.total() < free);
  CHECK_NOTHROW(require_memory(*device, need));
  options.precision = ProductPrecision::bf16;
  CHECK(training_memory(*model, task, fitting, kLongest, options).program > need.program);
  std::string message;
  try {
    require_memory(*device, {.state = 1 << 20, .arena = free, .program = 0});
  } catch (const Error& e) {
    message = e.what();
  }
  CHECK(message.find(str(free / (1 << 20) + 2, " MiB (")) != message.npos);
  CHECK(message.find(str(free / (1 << 20), " MiB are free")) != message.npos);
  run.settings.max_tokens = fitting * 2;
  CHECK_THROWS_AS(Trainer(*model, task, run.data(), run.settings, run.plan, device.get()), Error);
}

TEST_CASE("a device's name says nothing of its number, and training takes the precisions that it can") {
  CHECK(device_name(nullptr) == "cpu");
  CHECK(device_name(cuda::open_device(0).get()).find("cuda:") == std::string::npos);
  for (const auto p : {ProductPrecision::f32, ProductPrecision::tf32, ProductPrecision::bf16})
    CHECK(precision_from_name(name(p)) == p);
  CHECK_THROWS_AS(precision_from_name("f16"), UsageError);
}
