// Regression: a text, or a pair of texts, is given a number; the loss is the squared error.
#pragma once

#include "tasks/headed_task.h"

namespace storm {

class Regression : public TargetTask {
 public:
  // model, texts: as HeadedTask has them; the head has one output.
  Regression(const Model& model, std::span<const Vocabulary> vocabularies, std::size_t texts);

  std::vector<std::string> losses() const override { return {"squared_error"}; }
  std::vector<Value> record(Graph& graph, const Batch& batch, const LossOptions& options,
                            std::span<const float> gradient_scales) const override;
  // One answer a row, whose score is the number.
  std::vector<Hypotheses> answers(RowColumns rows, const DecodeOptions& options,
                                  std::vector<Workspace>* kept) const override;
  std::unique_ptr<Measures> measures(const TokenFile& file, std::span<const std::string> names,
                                     const DecodeOptions& options) const override;
};

const TaskKind& regression_task();
const TaskKind& pair_regression_task();

}  // namespace storm
