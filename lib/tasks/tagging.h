// Tagging: each word of a text is given one of the tags of a list. A word is what stands between spaces of the line,
// and is told by its first piece's state (Devlin et al. 2018, §5.3); the loss is the tag's cross-entropy.
#pragma once

#include "tasks/headed_task.h"

namespace storm {

class Tagging : public HeadedTask {
 public:
  // model: as HeadedTask has it; the head, which is over tokens, has an output for each tag.
  Tagging(const Model& model, std::span<const Vocabulary> vocabularies);

  // The file's rows, once each is known to have a tag for each word. Throws Error otherwise.
  std::unique_ptr<RowSource> rows(const TokenFile& file, const TextSettings& text,
                                  std::optional<uint64_t> seed) const override;
  Batch batch(const Rows& rows, int64_t first, int64_t last) const override;
  Batch batch_of_size(int64_t tokens, std::span<const int64_t> longest) const override;
  std::vector<int64_t> counts(const Batch& batch) const override { return {std::ssize(batch.labels[0])}; }
  std::vector<Value> record(Graph& graph, const Batch& batch, const LossOptions& options,
                            std::span<const float> gradient_scales) const override;
  // One answer a row: its words' likeliest tags; the score is the sum of their log p.
  std::vector<Hypotheses> answers(RowColumns rows, const DecodeOptions& options,
                                  std::vector<Workspace>* kept) const override;
  std::unique_ptr<Measures> measures(const TokenFile& file, std::span<const std::string> names,
                                     const DecodeOptions& options) const override;

 private:
  // Where a piece stands in what is fed of a text, which has so many tokens; behind the last piece: what stands there.
  int32_t place_of(std::span<const int32_t> text, std::size_t piece, int64_t tokens) const;

  Vocabulary tags_;
};

const TaskKind& tagging_task();

}  // namespace storm
