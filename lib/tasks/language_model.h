// Language modelling: a text is continued; the loss is the cross-entropy of each token given those before.
#pragma once

#include "models/language_model.h"
#include "tasks/task.h"

namespace storm {

class LanguageModeling : public Task {
 public:
  // The model must outlive it. eos: what texts begin behind and end in.
  LanguageModeling(const Model& model, int32_t eos);

  std::vector<std::string> losses() const override { return {"nll"}; }
  // Rows are of running text (data/text_rows.h): all but the last id are inputs, all but the first are labels.
  std::vector<Side> sides() const override;
  Batch batch(const Rows& rows, int64_t first, int64_t last) const override;
  Batch batch_of_size(int64_t tokens, std::span<const int64_t> longest) const override;
  std::vector<int64_t> counts(const Batch& batch) const override;
  std::unique_ptr<RowSource> rows(const TokenFile& file, const TextSettings& text,
                                  std::optional<uint64_t> seed) const override {
    return text_source(file, eos_, text, seed);
  }
  int64_t carried_width() const override { return model_.carried_width(); }
  std::vector<Value> record(Graph& graph, const Batch& batch, const LossOptions& options,
                            std::span<const float> gradient_scales) const override;
  std::vector<Hypotheses> answers(RowColumns rows, const DecodeOptions& options,
                                  std::vector<Workspace>* kept) const override;
  std::unique_ptr<Scorer> scorer(const ScoreOptions& options) const override;

 private:
  const LanguageModel& model_;
  int32_t eos_;
};

const TaskKind& language_model_task();

}  // namespace storm
