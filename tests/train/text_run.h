// Runs over running text, by a task made up for it: of the token before, and of a state that is carried, the next one.
#pragma once

#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "data/text_source.h"
#include "ops/cross_entropy.h"
#include "ops/embed.h"
#include "ops/weighted_sum.h"
#include "tests/train/small_run.h"

namespace storm::test {

constexpr int32_t kEos = 3;

// Logits are E x with x = E[input] + carried / 2, and E the embeddings of small_model(), which has other parameters
// beside, and what a row carries on is the x of its last token.
class NextToken : public Task {
 public:
  static constexpr int64_t kWidth = 32;
  struct Options {
    bool carries = false;
    float dropout = 0.1f;
    int64_t longest = 64;
  };
  explicit NextToken(const Model& model) : NextToken(model, Options()) {}
  NextToken(const Model& model, Options options) : model_(model), options_(options) {}

  mutable std::vector<Batch> trained = {};  // of those that carry a state

  std::vector<std::string> losses() const override { return {"nll"}; }
  std::vector<Side> sides() const override { return {{{0}, -1, options_.longest}}; }
  Batch batch(const Rows& rows, int64_t first, int64_t last) const override {
    Batch batch{.inputs = std::vector<PackedSentences>(1), .labels = std::vector<std::vector<int32_t>>(1)};
    for (int64_t i = first; i < last; ++i) {
      const auto row = rows(i, 0);
      batch.inputs[0].add(-1, row.first(row.size() - 1), -1);
      batch.labels[0].insert(batch.labels[0].end(), row.begin() + 1, row.end());
    }
    return batch;
  }
  Batch batch_of_size(int64_t tokens, std::span<const int64_t> longest) const override {
    const int64_t rows = (tokens + longest[0] - 1) / longest[0];
    return {.inputs = {PackedSentences::of_size(tokens, rows, longest[0])},
            .labels = {std::vector<int32_t>(static_cast<std::size_t>(tokens))}};
  }
  int64_t carried_width() const override { return options_.carries ? kWidth : 0; }
  std::vector<int64_t> counts(const Batch& batch) const override { return {batch.inputs[0].tokens()}; }
  std::vector<Value> record(Graph& graph, const Batch& batch, const LossOptions& options,
                            std::span<const float> gradient_scales) const override {
    const auto& ids = batch.inputs[0];
    const auto& specs = model_.parameters().specs();
    int32_t index = 0;
    while (specs[static_cast<std::size_t>(index)].name != "embedding.weight") ++index;
    const Value table = model_.parameters().in(graph, {index});
    Value states = embed(graph, table, graph.constant({ids.tokens(), 1}, ids.ids.data()), {}, {}, 1, options_.dropout);
    Value after;
    if (!batch.carried.empty()) {
      if (graph.gradients()) trained.push_back(batch);
      const Value carried = graph.constant({ids.sentences(), kWidth}, batch.carried.data());
      std::vector<int32_t> rows, last;
      for (int32_t s = 0; s < ids.sentences(); ++s) {
        const auto k = static_cast<std::size_t>(s);
        rows.insert(rows.end(), static_cast<std::size_t>(ids.offsets[k + 1] - ids.offsets[k]), s);
        last.push_back(ids.offsets[k + 1] - 1);
      }
      states = weighted_sum(graph, {states, 1}, {gather(graph, carried, graph.column(rows)), 0.5f});
      after = gather(graph, states, graph.column(last));
    }
    const Value labels = graph.constant({ids.tokens(), 1}, batch.labels[0].data());
    std::vector<Value> values{cross_entropy(graph, states, table, {}, labels, options, gradient_scales[0]).totals};
    if (after) values.push_back(after);
    return values;
  }

 private:
  const Model& model_;
  Options options_;
};

struct TextRun {
  ScratchFolder folder;
  TokenFile train, valid;
  TrainSettings settings;
  TrainPlan plan;
  NextToken::Options options;
  Device* device = nullptr;  // the CPU

  explicit TextRun(int64_t rows = 60) : train(file("train.st", rows)), valid(file("valid.st", 20)) {
    settings.max_tokens = 64;
    settings.text.block = 16;
    settings.schedule = {Schedule::Kind::constant, 0.01, 0, 0};
    plan.steps = 20;
    plan.validate_every = plan.save_every = 8;
    plan.report_every = 4;
    plan.output = folder / "model.st";
    plan.command = "train";
  }
  void read_streams(int64_t streams, int64_t block) {
    settings.text = {.block = block, .documents = false, .streams = streams};
    settings.max_tokens = streams * block;
    options.carries = true;
  }
  std::string checkpoint() const { return checkpoint_path(plan.output); }

  // Trains from the start, or from the checkpoint on. look: shown the task and the model afterwards.
  TrainState trained(bool resume = false, const std::function<void(const NextToken&, const Model&)>& look = {}) const {
    const auto checkpoint = resume ? std::optional(load_checkpoint(this->checkpoint())) : std::nullopt;
    const auto fresh = checkpoint ? nullptr : small_model();
    Model& model = checkpoint ? *checkpoint->loaded.model : *fresh;
    const auto& s = checkpoint ? checkpoint->settings : settings;
    const NextToken task(model, options);
    const auto rows = text_source(train, kEos, s.text, s.seed), judged = text_source(valid, kEos, s.text, {});
    const TrainData data{.train = train,
                         .valid = &valid,
                         .vocabularies = {{"vocab", "not read here"}},
                         .train_rows = rows.get(),
                         .valid_rows = judged.get()};
    Trainer trainer(model, task, data, s, plan, device);
    if (checkpoint) trainer.resume(*checkpoint);
    trainer.run();
    if (look) look(task, model);
    return trainer.state();
  }

 private:
  TokenFile file(const std::string& name, int64_t rows) const {
    {
      Output output(folder / name);
      TokenWriter writer(output, {{"text"}, {}, {{"vocab", "not read here"}}});
      for (int64_t i = 0; i < rows; ++i) {
        std::vector<int32_t> ids;
        for (int64_t k = 0; k < i * i % 11; ++k) ids.push_back(static_cast<int32_t>(4 + (i * 3 + k * k * 5) % 35));
        writer.add(ids);
        if (i % 7 == 6) writer.flush();
      }
      writer.finish();
      output.commit();
    }
    TokenFile f(folder / name, {"text"});
    f.index({kVocabulary});
    return f;
  }
};

}  // namespace storm::test
