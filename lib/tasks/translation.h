// Translation: a source is turned into a target; the loss is the target's cross-entropy.
#pragma once

#include <optional>

#include "models/encoder_decoder.h"
#include "tasks/task.h"

namespace storm {

class Translation : public Task {
 public:
  // The model must outlive it. target: what measures decode by; none: there are no measures.
  Translation(const Model& model, const SpecialIds& special, std::optional<Vocabulary> target = {});

  std::vector<std::string> losses() const override { return {"nll"}; }
  std::vector<Side> sides() const override;
  Batch batch(const Rows& rows, int64_t first, int64_t last) const override;
  Batch batch_of_size(int64_t tokens, std::span<const int64_t> longest) const override;
  std::vector<int64_t> counts(const Batch& batch) const override;
  std::vector<Value> record(Graph& graph, const Batch& batch, const LossOptions& options,
                            std::span<const float> gradient_scales) const override;
  std::vector<Hypotheses> answers(RowColumns rows, const DecodeOptions& options,
                                  std::vector<Workspace>* kept) const override;
  std::unique_ptr<Scorer> scorer(const ScoreOptions& options) const override;
  std::unique_ptr<Measures> measures(const TokenFile& file, std::span<const std::string> names,
                                     const DecodeOptions& options) const override;

 private:
  const EncoderDecoder& model_;
  SpecialIds special_;
  std::optional<Vocabulary> target_;
};

const TaskKind& translation_task();

}  // namespace storm
