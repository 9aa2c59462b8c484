// Extractive question answering (Rajpurkar et al. 2016; Devlin et al. 2018, §4.2): the answer to a question is a
// stretch of a context. Two numbers are told of each token, how well the answer begins there and how well it ends
// there; the loss is the mean of both cross-entropies over the tokens of a window. The first token stands for no
// answer.
#pragma once

#include "tasks/answer_windows.h"
#include "tasks/headed_task.h"

namespace storm {

class QuestionAnswering : public HeadedTask {
 public:
  // model: as HeadedTask has it; the head, which is over tokens, has two outputs. Its configuration has the task's
  // settings.
  QuestionAnswering(const Model& model, std::span<const Vocabulary> vocabularies);

  std::unique_ptr<RowSource> rows(const TokenFile& file, const TextSettings& text,
                                  std::optional<uint64_t> seed) const override;
  std::vector<Side> sides() const override;
  Batch batch(const Rows& rows, int64_t first, int64_t last) const override;
  Batch batch_of_size(int64_t tokens, std::span<const int64_t> longest) const override;
  std::vector<int64_t> counts(const Batch& batch) const override { return {batch.inputs[0].sentences()}; }
  std::vector<Value> record(Graph& graph, const Batch& batch, const LossOptions& options,
                            std::span<const float> gradient_scales) const override;
  // The best spans of the context, by the sum of both numbers, which is the score: of each its pieces, and where they
  // begin. Where questions may have no answer, an empty one is among them.
  std::vector<Hypotheses> answers(RowColumns rows, const DecodeOptions& options,
                                  std::vector<Workspace>* kept) const override;
  std::unique_ptr<Measures> measures(const TokenFile& file, std::span<const std::string> names,
                                     const DecodeOptions& options) const override;

 private:
  WindowRule rule_;
  int64_t max_answer_;  // pieces of an answer
  bool no_answer_;      // questions may have none
};

const TaskKind& question_answering_task();

}  // namespace storm
