#include "tasks/language_model.h"

#include "base/error.h"
#include "decode/continue_texts.h"
#include "decode/running_text_scorer.h"
#include "decode/text_log_probs.h"

namespace storm {

namespace {

class EachText : public Scorer {
 public:
  EachText(const LanguageModel& model, int32_t eos, const ScoreOptions& options)
      : model_(model), eos_(eos), options_(options) {}
  std::vector<double> add(RowColumns rows) override {
    const int64_t first = first_;
    first_ += static_cast<int64_t>(rows[0].size());
    return text_log_probs(model_, eos_, rows[0], options_.max_tokens, options_.device, first);
  }

 private:
  const LanguageModel& model_;
  int32_t eos_;
  ScoreOptions options_;
  int64_t first_ = 1;  // the number of the next row
};

class AllTexts : public Scorer {
 public:
  AllTexts(const LanguageModel& model, int32_t eos, const ScoreOptions& options)
      : scorer_(model, eos, options.stride, options.max_tokens, options.device) {}
  std::vector<double> add(RowColumns rows) override { return scorer_.add(rows[0]); }
  std::vector<double> finish() override { return scorer_.finish(); }

 private:
  RunningTextScorer scorer_;
};

}  // namespace

LanguageModeling::LanguageModeling(const Model& model, int32_t eos) : model_(as<LanguageModel>(model)), eos_(eos) {}

std::vector<Side> LanguageModeling::sides() const { return {{{0}, -1, model_.longest_source()}}; }

Batch LanguageModeling::batch(const Rows& rows, int64_t first, int64_t last) const {
  Batch batch{.inputs = std::vector<PackedSentences>(1), .labels = std::vector<std::vector<int32_t>>(1)};
  for (int64_t i = first; i < last; ++i) {
    const auto text = rows(i, 0), labels = text.subspan(1);
    batch.inputs[0].add(-1, text.first(labels.size()), -1);
    batch.labels[0].insert(batch.labels[0].end(), labels.begin(), labels.end());
  }
  return batch;
}

Batch LanguageModeling::batch_of_size(int64_t tokens, std::span<const int64_t> longest) const {
  Batch batch;
  batch.inputs.push_back(PackedSentences::of_size(tokens, (tokens + longest[0] - 1) / longest[0], longest[0]));
  batch.labels.emplace_back(static_cast<std::size_t>(tokens));
  return batch;
}

std::vector<int64_t> LanguageModeling::counts(const Batch& batch) const { return {batch.inputs[0].tokens()}; }

std::vector<Value> LanguageModeling::record(Graph& graph, const Batch& batch, const LossOptions& options,
                                            std::span<const float> gradient_scales) const {
  const auto& text = batch.inputs[0];
  const auto& labels = batch.labels[0];
  const bool carries = !batch.carried.empty();
  CarriedState carried;
  if (carries) carried.before = graph.constant({text.sentences(), model_.carried_width()}, batch.carried.data());
  const Value targets = graph.constant({static_cast<int64_t>(labels.size()), 1}, labels.data());
  std::vector<Value> values{
      loss(model_, graph, text, targets, options, gradient_scales[0], carries ? &carried : nullptr).totals};
  if (carries) values.push_back(carried.after);
  return values;
}

std::vector<Hypotheses> LanguageModeling::answers(RowColumns rows, const DecodeOptions& options,
                                                  std::vector<Workspace>* kept) const {
  return continue_texts(model_, model_.longest_source(), eos_, rows[0], options, kept);
}

std::unique_ptr<Scorer> LanguageModeling::scorer(const ScoreOptions& options) const {
  if (options.stride > 0) return std::make_unique<AllTexts>(model_, eos_, options);
  return std::make_unique<EachText>(model_, eos_, options);
}

const TaskKind& language_model_task() {
  static const TaskKind kind{
      .name = "language-model",
      .columns = {"text"},
      .rows = "texts",
      .measures = {},
      .make = [](const Model& model, std::span<const Vocabulary> vocabularies) -> std::unique_ptr<Task> {
        require(vocabularies[0].eos_id() >= 0, "the vocabulary has no end of sentence (EOS), which texts end in");
        return std::make_unique<LanguageModeling>(model, vocabularies[0].eos_id());
      },
      .running_text = true,
      .noised = 1,
      .training = {{"label_smoothing", 0}}};
  return kind;
}

}  // namespace storm
