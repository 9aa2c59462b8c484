// BERT's pre-training (Devlin et al. 2018, §3.1): what stood in a text's masked places is told from both sides of them,
// and whether a second segment goes on where the first one ends.
#pragma once

#include "data/masked_rows.h"
#include "decode/masked_texts.h"
#include "models/next_sentence.h"
#include "models/text_pooler.h"
#include "tasks/task.h"

namespace storm {

class MaskedLanguageModeling : public Task {
 public:
  // The model must outlive it, and reads a text between BOS and EOS ([CLS] and [SEP]); it has a head for one of the two
  // losses at least. rule: of what is asked for.
  MaskedLanguageModeling(const Model& model, int32_t before, int32_t behind, MaskRule rule);

  // "masked", "next": those for which the model has heads.
  std::vector<std::string> losses() const override;
  // A row's columns: its ids, what is asked for at each (data/masked_rows.h), and with next sentences how many are of
  // the first segment, and the label (data/sentence_pairs.h).
  std::vector<Side> sides() const override;
  // labels: what is asked for at each token, or MaskedRows::kNotAsked, and a label a row: those of the losses.
  Batch batch(const Rows& rows, int64_t first, int64_t last) const override;
  Batch batch_of_size(int64_t tokens, std::span<const int64_t> longest) const override;
  std::vector<int64_t> counts(const Batch& batch) const override;  // masked pieces; rows

  // Documents are text between blank rows. With next sentences, rows are pairs of text.block tokens at most, else
  // blocks of the running text, with an EOS between documents; each with BOS and EOS. Throws UsageError for rows that
  // are to be texts as they are.
  std::unique_ptr<RowSource> rows(const TokenFile& file, const TextSettings& text,
                                  std::optional<uint64_t> seed) const override;
  std::vector<Value> record(Graph& graph, const Batch& batch, const LossOptions& options,
                            std::span<const float> gradient_scales) const override;

  // decode/masked_texts.h. Throw UsageError for a model that cannot tell what was masked.
  std::vector<Hypotheses> answers(RowColumns rows, const DecodeOptions& options,
                                  std::vector<Workspace>* kept) const override;
  std::unique_ptr<Scorer> scorer(const ScoreOptions& options) const override;

  // Of the rows that validation draws: how often the likeliest piece is the one that was masked, and the likelier label
  // the right one, in percent. Throws UsageError for a measure of a loss that the model has not.
  std::unique_ptr<Measures> row_measures(const RowSource& rows, const TokenFile& file,
                                         std::span<const std::string> names,
                                         const DecodeOptions& options) const override;

  struct Asked {  // what is asked of a pass: what the two output layers read; none without the head
    Value masked = {}, next = {};
  };
  Asked asked(Graph& graph, const Batch& batch) const;
  const MaskedLanguageModel* masked_head() const { return masked_; }
  const NextSentence* next_head() const { return next_; }

 private:
  MaskReader reader() const;

  const Model& model_;
  const TextEncoder& encoder_;
  const MaskedLanguageModel* masked_;  // null: none, and so of the next two
  const NextSentence* next_;
  const TextPooler* pooler_;
  int32_t before_, behind_;
  MaskRule rule_;
};

const TaskKind& masked_language_model_task();

}  // namespace storm
