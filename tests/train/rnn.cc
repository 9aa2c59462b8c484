// The recurrent models in the training loop, which knows nothing of them.
#include <algorithm>
#include <cmath>

#include "base/log.h"
#include "tests/catch.h"
#include "tests/train/small_run.h"

using namespace storm;

namespace {

using Flags = std::vector<std::pair<std::string, std::string>>;

std::unique_ptr<Model> recurrent_model(Flags flags) {
  flags.insert(flags.begin(), {{"d-model", "24"}, {"share-embeddings", "none"}});
  auto model =
      make_model(make_config(architecture("rnn"), "rnn-attn-tiny", flags, {test::kVocabulary, test::kVocabulary}));
  model->parameters().initialize(1);
  return model;
}

void train(const test::SmallRun& run, const Flags& flags, bool resume) {
  if (resume) {
    const auto checkpoint = load_checkpoint(run.checkpoint());
    const Translation task(*checkpoint.loaded.model, SpecialIds{});
    Trainer trainer(*checkpoint.loaded.model, task, run.data(), checkpoint.settings, run.plan);
    trainer.resume(checkpoint);
    trainer.run();
    return;
  }
  const auto model = recurrent_model(flags);
  const Translation task(*model, SpecialIds{});
  Trainer trainer(*model, task, run.data(), run.settings, run.plan);
  trainer.run();
}

std::vector<float> values_of(const std::string& path) {
  const auto loaded = load_checkpoint(path).loaded;
  const auto values = loaded.model->parameters().values();
  return {values.begin(), values.end()};
}

}  // namespace

TEST_CASE("a recurrent model that was stopped and resumed ends in the bits of one that was not") {
  set_quiet(true);
  for (const Flags& flags : {Flags{{"dropout", "0.2"}, {"recurrent-dropout", "0.3"}},
                             Flags{{"cell", "lstm"}, {"attention", "general"}, {"input-feeding", "yes"}},
                             Flags{{"cell", "lstm"}, {"attention", "none"}, {"layers", "2"}}}) {
    test::SmallRun whole, parts;
    for (test::SmallRun* run : {&whole, &parts}) {
      run->settings.clip_norm = 5;
      run->plan.steps = 11;
    }
    train(whole, flags, false);
    parts.plan.steps = 5;
    train(parts, flags, false);
    parts.plan.steps = 11;
    train(parts, flags, true);
    CHECK(values_of(whole.checkpoint()) == values_of(parts.checkpoint()));
  }
}

TEST_CASE("recurrent models learn twenty pairs by heart") {
  set_quiet(true);
  for (const Flags& flags : {Flags{{"dropout", "0"}}, Flags{{"dropout", "0"}, {"cell", "lstm"}, {"attention", "none"}},
                             Flags{{"dropout", "0"}, {"attention", "concat"}, {"input-feeding", "yes"}}}) {
    test::SmallRun run(20);
    run.settings.max_tokens = 4096;
    run.settings.label_smoothing = 0;
    run.settings.clip_norm = 5;
    run.settings.schedule = {Schedule::Kind::inverse_sqrt, 0.01, 20, 0};
    run.plan.steps = 300;
    run.plan.validate_every = run.plan.save_every = run.plan.report_every = 1000;
    const auto model = recurrent_model(flags);
    auto data = run.data();
    data.valid = nullptr;
    const Translation task(*model, SpecialIds{});
    Trainer trainer(*model, task, data, run.settings, run.plan);
    trainer.run();
    TrainingStep step(*model, task, 0, 1);
    Rows pairs;
    for (int64_t i = 0; i < 20; ++i) run.train.append(i, pairs);
    const LossSums sums = step.forward(test::one_batch(pairs))[0];
    CHECK(sums.mean_loss() < 0.05);
  }
}
