// The training loop: accumulation, checkpoints, exact resume, stopping.
#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>

#include "base/error.h"
#include "base/input.h"
#include "base/log.h"
#include "cpu/bf16_product.h"
#include "stream/stream.h"
#include "tests/catch.h"
#include "tests/models/fixture.h"
#include "tests/train/small_run.h"
#include "train/memory.h"

using namespace storm;
using test::tensors_of;
using test::trained;

namespace {

struct Quiet {
  Quiet() { set_quiet(true); }
} quiet_tests;

Batch all_pairs(const TokenFile& file, int64_t first, int64_t last) {
  Rows pairs;
  for (int64_t i = first; i < last; ++i) file.append(i, pairs);
  return test::one_batch(pairs);
}

}  // namespace

TEST_CASE("the gradient of k batches is that of one batch of them all") {
  const test::SmallRun run(30);
  const auto model = test::small_model({{"dropout", "0"}});
  model->parameters().allocate_gradients();
  const Translation task(*model, SpecialIds{});
  TrainingStep step(*model, task, 0.1f, 1);
  const Batch whole = all_pairs(run.train, 0, 30);
  const auto scale = test::mean_of(whole);
  const LossSums sums = step.forward_backward(whole, scale, 0)[0];
  const auto gradients = model->parameters().gradients();
  const std::vector<float> wanted(gradients.begin(), gradients.end());
  std::ranges::fill(gradients, 0.0f);
  Losses parts;
  for (const auto& [first, last] : {std::pair{0, 3}, {3, 20}, {20, 30}})
    add(parts, step.forward_backward(all_pairs(run.train, first, last), scale, 0));
  CHECK(parts[0].count == sums.count);
  CHECK(parts[0].loss == Approx(sums.loss).epsilon(1e-6));
  CHECK(parts[0].nll == Approx(sums.nll).epsilon(1e-6));
  float worst = 0, largest = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    worst = std::max(worst, std::abs(wanted[i] - gradients[i]));
    largest = std::max(largest, std::abs(wanted[i]));
  }
  CHECK(worst < 1e-6f * std::max(largest, 1.0f));
  CHECK(largest > 1e-3f);
}

TEST_CASE("an update with accumulation counts the tokens of all its batches") {
  test::SmallRun run;
  run.settings.accumulate = 3;
  run.plan.epochs = 1;
  run.plan.steps = 0;
  run.plan.report_every = 1000;
  const auto state = trained(run);
  const auto model = run.model();
  const BatchSource source(run.train, Translation(*model, SpecialIds{}).sides(), 100, true, run.settings.seed);
  CHECK(state.batches == source.batches(0));
  CHECK(state.step == (source.batches(0) + 2) / 3);
  CHECK(state.predicted == run.train.tokens()[1] + run.train.size());
}

TEST_CASE("a batch that is run in parts moves the weights as the whole one does") {
  test::SmallRun whole, parts;
  parts.settings.micro_batch = 30;
  std::vector<std::vector<float>> weights;
  std::vector<int64_t> runs;
  for (test::SmallRun* run : {&whole, &parts}) {
    run->model = [] { return test::small_model({{"dropout", "0"}}); };
    run->settings.optimizer.name = "nesterov";  // Adam would make steps of rounding errors
    run->plan.steps = 5;
    const auto state = trained(*run);
    runs.push_back(state.batches);
    const auto model = load_checkpoint(run->checkpoint()).loaded.model;
    weights.emplace_back(model->parameters().values().begin(), model->parameters().values().end());
  }
  CHECK(runs[0] == 5);
  CHECK(runs[1] > 15);
  CHECK(test::relative_error(weights[1], weights[0]) < 1e-5);
}

TEST_CASE("a batch goes whole where it fits, else in equal parts, and never in less than the longest pair takes") {
  const auto model = test::small_model();
  model->parameters().allocate_gradients();
  const Translation task(*model, SpecialIds{});
  const std::vector<int64_t> kLongest{7, 9};
  const auto bytes = [&](int64_t tokens) { return training_memory(*model, task, tokens, kLongest).total(); };
  CHECK(fitting_micro_batch(*model, task, 0, 4096, kLongest) == 0);
  CHECK(fitting_micro_batch(*model, task, bytes(4096), 4096, kLongest) == 0);
  CHECK(fitting_micro_batch(*model, task, bytes(4096) - 1, 4096, kLongest) == 2048 + 9);
  CHECK(fitting_micro_batch(*model, task, bytes(9), 4096, kLongest) == 9);
  CHECK_THROWS_AS(fitting_micro_batch(*model, task, bytes(9) - 1, 4096, kLongest), Error);
  const auto large = make_model(make_config(architecture("transformer"), "base", {}, {8000, 8000}));
  large->parameters().allocate_gradients();
  const Translation large_task(*large, SpecialIds{});
  const auto part = fitting_micro_batch(*large, large_task, 0, 25000, std::vector<int64_t>{100, 100});
  CHECK(part >= 1024);
  CHECK(training_memory(*large, large_task, part, std::vector<int64_t>{100, 100}).arena <= std::size_t{800} << 20);
  CHECK(fitting_micro_batch(*large, large_task, 0, 25000, std::vector<int64_t>{5000, 100}) == 5000);
}

TEST_CASE("a run with bf16 products learns as one with f32's does, and resumes to the same bits") {
  if (!has_bf16_products()) return;
  std::vector<double> losses;
  test::SmallRun exact, rounded, parts;
  for (test::SmallRun* run : {&exact, &rounded, &parts}) {
    run->settings.max_tokens = 400;  // products large enough to be rounded
    run->settings.precision = run == &exact ? ProductPrecision::f32 : ProductPrecision::bf16;
    run->model = [] { return test::small_model({{"d-model", "64"}, {"d-ff", "128"}}); };
  }
  for (const auto* run : {&exact, &rounded}) losses.push_back(trained(*run).validation.nll);
  CHECK(losses[0] != losses[1]);
  CHECK(losses[1] == Approx(losses[0]).epsilon(0.01));
  parts.plan.steps = 8;
  trained(parts);
  parts.plan.steps = 20;
  trained(parts, true);
  CHECK(tensors_of(rounded.plan.output) == tensors_of(parts.plan.output));
}

TEST_CASE("a checkpoint gives back everything") {
  const test::SmallRun run;
  const auto state = trained(run);
  const auto checkpoint = load_checkpoint(run.checkpoint());
  CHECK(to_json(checkpoint.settings) == to_json(run.settings));
  CHECK(to_json(checkpoint.state).dump() == to_json(state).dump());
  CHECK(checkpoint.loaded.vocabularies == run.data().vocabularies);
  const Optimizer adam(checkpoint.loaded.model->parameters().values().size(), {});
  checkpoint.restore(adam);
  REQUIRE(adam.state().size() == 2);
  CHECK(std::ranges::any_of(adam.state()[0].values, [](float x) { return x != 0; }));
  CHECK(std::ranges::none_of(adam.state()[1].values, [](float x) { return x < 0; }));
  const auto model = load_model(run.plan.output);
  CHECK(std::ranges::equal(model.model->parameters().values(), checkpoint.loaded.model->parameters().values()));
}

TEST_CASE("a run that was stopped and resumed ends in the bits of one that was not, with either optimizer") {
  const bool nesterov = GENERATE(false, true), convolutional = GENERATE(false, true);
  test::SmallRun whole, parts;
  for (test::SmallRun* run : {&whole, &parts}) {
    run->settings.accumulate = 2;
    run->settings.micro_batch = nesterov ? 40 : 0;
    run->settings.clip_norm = 0.5;
    if (nesterov) run->settings.optimizer.name = "nesterov";
    if (convolutional) run->model = test::small_convs2s;
    run->plan.log = run->folder / "run.tsv";
  }
  trained(whole);
  bool resume = false;
  for (const int64_t steps : {3, 8, 11, 20}) {  // between reports, at a validation, in another epoch
    // What finish() validates is not what an undisturbed run would have validated; signals do not do that.
    parts.plan.validate_every = steps == 20 ? 8 : 1000;
    parts.plan.steps = steps;
    trained(parts, resume);
    resume = true;
  }
  CHECK(tensors_of(whole.checkpoint()) == tensors_of(parts.checkpoint()));
  CHECK(tensors_of(whole.plan.output) == tensors_of(parts.plan.output));
}

TEST_CASE("a checkpoint of before there were optimizers to choose from is one of Adam's") {
  const test::SmallRun run;
  trained(run);
  auto old = to_json(load_checkpoint(run.checkpoint()).settings);
  CHECK(old.at("optimizer") == "adam");
  old.erase("optimizer");
  old.erase("micro_batch");
  old.erase("precision");
  old.erase("momentum");
  CHECK(to_json(settings_from(old)) == to_json(run.settings));
}

TEST_CASE("a judgement that was not a number, which JSON has as null, counts as none") {
  const test::SmallRun run;
  auto json = to_json(trained(run));
  json["best_score"] = nullptr;
  json["best_step"] = 8;
  json["validation"]["loss"] = nullptr;
  json["snapshots"] = {{{"step", 8}, {"score", nullptr}}};
  const TrainState state = state_from(json);
  CHECK(state.best_step == -1);
  CHECK(state.validation.step == -1);
  REQUIRE(state.snapshots.size() == 1);
  CHECK(state.snapshots[0].score < 0);
}

TEST_CASE("a checkpoint of one optimizer is refused by the other") {
  const test::SmallRun run;
  trained(run);
  OptimizerOptions nesterov;
  nesterov.name = "nesterov";
  const auto checkpoint = load_checkpoint(run.checkpoint());
  const Optimizer other(checkpoint.loaded.model->parameters().values().size(), nesterov);
  CHECK_THROWS_AS(checkpoint.restore(other), Error);
}

TEST_CASE("two runs with one seed are the same to the bit, and another seed gives other bits") {
  test::SmallRun one, two, three;
  three.settings.seed = 2;
  trained(one);
  trained(two);
  trained(three);
  CHECK(tensors_of(one.checkpoint()) == tensors_of(two.checkpoint()));
  CHECK(tensors_of(one.checkpoint()) != tensors_of(three.checkpoint()));
}

TEST_CASE("the data of a resumed run must be the data it began with") {
  const test::SmallRun run, other(201);
  trained(run);
  const auto checkpoint = load_checkpoint(run.checkpoint());
  const Translation task(*checkpoint.loaded.model, SpecialIds{});
  Trainer trainer(*checkpoint.loaded.model, task, other.data(), checkpoint.settings, run.plan);
  CHECK_THROWS_AS(trainer.resume(checkpoint), Error);
}

TEST_CASE("twenty pairs are learnt by heart, down to the floor that label smoothing sets") {
  test::SmallRun run(20);
  run.settings.max_tokens = 4096;
  run.settings.schedule = {Schedule::Kind::inverse_sqrt, 0.01, 50, 0};
  run.plan.steps = 500;
  run.plan.validate_every = run.plan.save_every = run.plan.report_every = 1000;
  const auto model = test::small_model({{"dropout", "0"}, {"layers", "2"}});
  auto data = run.data();
  data.valid = nullptr;
  const Translation task(*model, SpecialIds{});
  Trainer trainer(*model, task, data, run.settings, run.plan);
  trainer.run();
  TrainingStep step(*model, task, 0.1f, 1);
  const LossSums sums = step.forward(all_pairs(run.train, 0, 20))[0];
  // The smallest loss there is: the target has 0.9 + 0.1 / V, every other word 0.1 / V.
  const double other = 0.1 / test::kVocabulary, target = 0.9 + other;
  const double floor = -target * std::log(target) - (test::kVocabulary - 1) * other * std::log(other);
  const double loss = sums.mean_loss();
  CHECK(loss > floor - 1e-6);
  CHECK(loss < floor + 0.02);
}

TEST_CASE("a loss that is no number stops the run, names step and batch, and leaves the checkpoint alone") {
  test::SmallRun run;
  run.plan.steps = 8;
  trained(run);
  const auto before = read_file(run.checkpoint());
  auto checkpoint = load_checkpoint(run.checkpoint());
  checkpoint.loaded.model->parameters().view("embedding.weight")[200] = std::numeric_limits<float>::quiet_NaN();
  run.plan.steps = 16;
  const Translation task(*checkpoint.loaded.model, SpecialIds{});
  Trainer trainer(*checkpoint.loaded.model, task, run.data(), checkpoint.settings, run.plan);
  trainer.resume(checkpoint);
  std::string message;
  try {
    trainer.run();
  } catch (const Error& e) {
    message = e.what();
  }
  CHECK(message.find("step 9, batch 8") != message.npos);
  CHECK(message.find("not a number") != message.npos);
  CHECK(message.find("--lr") != message.npos);
  CHECK(message.find("step 8 stands") != message.npos);
  CHECK(read_file(run.checkpoint()) == before);
}

TEST_CASE("patience counts validations that are no better, and stops there") {
  test::SmallRun run;
  run.settings.schedule.peak = 0;  // nothing moves: the first validation stays the best
  run.plan.steps = 1000;
  run.plan.validate_every = 5;
  run.plan.patience = 3;
  const auto state = trained(run);
  CHECK(state.step == 20);
  CHECK(state.best_step == 5);
  CHECK(state.not_better == 3);
}

TEST_CASE("the last or the best snapshots are kept, and the model is their mean") {
  test::SmallRun run;
  run.plan.save_every = 4;
  run.plan.validate_every = 4;
  run.plan.snapshots = {3, GENERATE(false, true)};
  const auto state = trained(run);
  REQUIRE(state.snapshots.size() == 3);
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(run.folder.path))
    files += entry.path().string().find(".step-") != std::string::npos;
  CHECK(files == 3);
  const auto mean = load_model(run.plan.output);
  std::vector<double> sums(mean.model->parameters().values().size());
  for (const auto& s : state.snapshots) {
    if (!run.plan.snapshots.best) CHECK(s.step >= 12);
    const auto one = load_model(snapshot_path(run.plan.output, s.step));
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += static_cast<double>(one.model->parameters().values()[i]);
  }
  double worst = 0;
  for (std::size_t i = 0; i < sums.size(); ++i)
    worst = std::max(worst, std::abs(sums[i] / 3 - static_cast<double>(mean.model->parameters().values()[i])));
  CHECK(worst < 1e-7);
}

TEST_CASE("the rule of the best keeps the highest scores, and of equal ones the earlier") {
  const SnapshotRule best{2, true};
  std::vector<Snapshot> kept;
  for (const Snapshot& s : {Snapshot{1, -3}, {2, -1}, {3, -2}, {4, -5}, {5, -1}, {6, -1}})
    if (wanted(kept, s, best)) take(kept, s, best);
  REQUIRE(kept.size() == 2);
  CHECK(kept[0].step == 2);
  CHECK(kept[1].step == 5);
}

TEST_CASE("the log of a resumed run goes on where the checkpoint was") {
  test::SmallRun run;
  run.plan.log = run.folder / "run.tsv";
  run.plan.steps = 8;
  trained(run);
  const auto first = read_file(run.plan.log);
  {
    std::ofstream log(run.plan.log, std::ios::app);  // a run that went on and was killed
    log << "12\t0\t1\t1\n16\t0";
  }
  run.plan.steps = 16;
  trained(run, true);
  const auto both = read_file(run.plan.log);
  CHECK(both.starts_with(first));
  std::vector<std::string> steps;
  Input input(run.plan.log);
  for (std::string line; input.read_line(line);) {
    steps.push_back(line.substr(0, line.find('\t')));
    CHECK(std::ranges::count(line, '\t') == 9);
  }
  CHECK(steps == std::vector<std::string>{"step", "4", "8", "12", "16"});
}

TEST_CASE("no batch takes more memory than the arithmetic says, and max_tokens auto stays within its bytes") {
  const test::SmallRun run;
  const auto model = test::small_model();
  model->parameters().allocate_gradients();
  const Translation task(*model, SpecialIds{});
  const std::vector<int64_t> kLongest{7, 7};
  const auto need = training_memory(*model, task, 100, longest_rows(run.train, task.sides()));
  const BatchSource source(run.train, task.sides(), 100, true, 1);
  Rows pairs;
  for (Place place; source.next(place, pairs);) {
    const Batch batch = test::one_batch(pairs);
    Graph graph(true);
    storm::loss(as<EncoderDecoder>(*model), graph, batch, 0.1f, 1);
    REQUIRE(make_plan(graph).bytes <= need.arena);
  }
  const std::size_t bytes = need.total() + (1 << 20);
  const auto fitting = fitting_max_tokens(*model, task, bytes, 1 << 20, kLongest);
  CHECK(fitting > 100);
  CHECK(training_memory(*model, task, fitting, kLongest).total() <= bytes);
  CHECK(training_memory(*model, task, fitting + fitting / 100 + 2, kLongest).total() > bytes);
  CHECK(fitting_max_tokens(*model, task, bytes, 50, kLongest) == 50);
  CHECK_THROWS_AS(fitting_max_tokens(*model, task, 1000, 50, kLongest), Error);
}
