// Classification: a text, or a pair of texts, is given one of the labels of a list; the loss is the label's
// cross-entropy.
#pragma once

#include "tasks/headed_task.h"

namespace storm {

class Classification : public TargetTask {
 public:
  // model, texts: as HeadedTask has them; the head has an output for each label.
  Classification(const Model& model, std::span<const Vocabulary> vocabularies, std::size_t texts);

  // The file's rows, once each is known to have one label. Throws Error otherwise.
  std::unique_ptr<RowSource> rows(const TokenFile& file, const TextSettings& text,
                                  std::optional<uint64_t> seed) const override;
  std::vector<Value> record(Graph& graph, const Batch& batch, const LossOptions& options,
                            std::span<const float> gradient_scales) const override;
  // The likeliest labels; the score is log p.
  std::vector<Hypotheses> answers(RowColumns rows, const DecodeOptions& options,
                                  std::vector<Workspace>* kept) const override;
  std::unique_ptr<Scorer> scorer(const ScoreOptions& options) const override;
  std::unique_ptr<Measures> measures(const TokenFile& file, std::span<const std::string> names,
                                     const DecodeOptions& options) const override;
};

const TaskKind& classification_task();
const TaskKind& pair_classification_task();

}  // namespace storm
