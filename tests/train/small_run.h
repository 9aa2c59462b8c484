// A small model on made-up sentence pairs, and runs of it.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "models/architecture.h"
#include "tasks/translation.h"
#include "tests/data/streams.h"
#include "train/trainer.h"

namespace storm::test {

constexpr int32_t kVocabulary = 40;

// Targets are the sources, backwards, each id one higher: easy to learn by heart.
inline void write_reversed(const std::string& path, int64_t pairs, int64_t first = 0) {
  Output output(path);
  TokenWriter writer(output, {{"src", "tgt"}, {}, {{"vocab", "not read here"}}});
  for (int64_t i = first; i < first + pairs; ++i) {
    std::vector<int32_t> source, target;
    for (int64_t k = 0; k < 2 + i % 5; ++k)
      source.push_back(static_cast<int32_t>(4 + (i * 7 + k * k * 5 + i * i * k) % 35));
    for (auto it = source.rbegin(); it != source.rend(); ++it) target.push_back(*it + 1);
    const std::vector<std::span<const int32_t>> row{source, target};
    writer.add(row);
  }
  writer.finish();
  output.commit();
}

inline std::unique_ptr<Model> small_model(const std::vector<std::pair<std::string, std::string>>& changes = {}) {
  std::vector<std::pair<std::string, std::string>> settings{
      {"layers", "1"}, {"d-model", "32"}, {"d-ff", "64"}, {"heads", "2"}, {"dropout", "0.1"}};
  settings.insert(settings.end(), changes.begin(), changes.end());
  auto model = make_model(make_config(architecture("transformer"), "base", settings, {kVocabulary, kVocabulary}));
  model->parameters().initialize(1);
  return model;
}

inline std::unique_ptr<Model> small_convs2s() {
  auto model = make_model(make_config(architecture("convs2s"), "convs2s-tiny",
                                      {{{"conv", "24x3*2"}, {"d-model", "16"}, {"max-positions", "20"}}},
                                      {kVocabulary, kVocabulary}));
  model->parameters().initialize(1);
  return model;
}

// Pairs as one batch, however many.
inline Batch one_batch(const Rows& rows) {
  std::vector<SentencePair> pairs;
  for (int64_t i = 0; i < rows.size(); ++i) pairs.push_back({rows(i, 0), rows(i, 1)});
  return make_batch(pairs, SpecialIds{});
}
// The gradients' scale that makes the loss a mean.
inline std::vector<float> mean_of(const Batch& batch) { return {1 / static_cast<float>(batch.inputs[1].tokens())}; }

struct SmallRun {
  ScratchFolder folder;
  TokenFile train, valid;
  TrainSettings settings;
  TrainPlan plan;
  std::function<std::unique_ptr<Model>()> model = [] { return small_model(); };

  explicit SmallRun(int64_t pairs = 200) : train(file("train.st", pairs, 0)), valid(file("valid.st", 30, 1000)) {
    settings.max_tokens = 100;
    settings.schedule = {Schedule::Kind::inverse_sqrt, 0.01, 20, 0};
    plan.steps = 20;
    plan.validate_every = plan.save_every = 8;
    plan.report_every = 4;
    plan.output = folder / "model.st";
    plan.command = "train";
  }
  TrainData data() const { return {train, &valid, {{"vocab", "not read here"}}}; }
  std::string checkpoint() const { return checkpoint_path(plan.output); }

 private:
  TokenFile file(const std::string& name, int64_t pairs, int64_t first) const {
    write_reversed(folder / name, pairs, first);
    TokenFile f(folder / name, {"src", "tgt"});
    f.index({kVocabulary, kVocabulary});
    return f;
  }
};

// Trains from the start, or from the checkpoint on. device: null for the CPU.
inline TrainState trained(const SmallRun& run, bool resume = false, Device* device = nullptr, bool validates = true) {
  TrainData data = run.data();
  if (!validates) data.valid = nullptr;
  if (!resume) {
    const auto model = run.model();
    const Translation task(*model, SpecialIds{});
    Trainer trainer(*model, task, data, run.settings, run.plan, device);
    trainer.run();
    return trainer.state();
  }
  const auto checkpoint = load_checkpoint(run.checkpoint());
  const Translation task(*checkpoint.loaded.model, SpecialIds{});
  Trainer trainer(*checkpoint.loaded.model, task, data, checkpoint.settings, run.plan, device);
  trainer.resume(checkpoint);
  trainer.run();
  return trainer.state();
}

// A file's tensors, all of them: what a resumed run's must equal bit by bit.
inline std::string tensors_of(const std::string& path) {
  const auto document = read_document(path);
  std::string all;
  for (const Tensor& t : document.tensors())
    all += t.name + std::string(reinterpret_cast<const char*>(t.bytes.data()), t.bytes.size());
  return all;
}

}  // namespace storm::test
