#include "tasks/translation.h"

#include <algorithm>

#include "base/error.h"
#include "base/log.h"
#include "base/parallel.h"
#include "decode/special_ids.h"
#include "decode/target_log_probs.h"
#include "decode/translate.h"
#include "tasks/text_measures.h"

namespace storm {

namespace {

constexpr std::size_t kSource = 0, kTarget = 1;  // columns of a row, and sides of a batch

// The validation set's sources, translated as `decode | tokenize -d` does, against the text of its targets (tokenize -d
// --column tgt).
class TranslationMeasures : public Measures {
 public:
  TranslationMeasures(const EncoderDecoder& model, const SpecialIds& special, const Vocabulary& target,
                      const TokenFile& file, std::span<const std::string> names, const DecodeOptions& options)
      : model_(model), special_(special), target_(target), options_(options) {
    std::vector<std::string> references;
    std::vector<int64_t> lengths(2);
    int64_t unknown = 0;
    for (int64_t row = 0; row < file.size(); ++row) {
      file.lengths(row, lengths);
      if (tokens_with_eos(lengths[kSource]) > model.longest_source()) continue;
      file.append(row, rows_);
      const auto ids = rows_(rows_.size() - 1, kTarget);
      unknown += std::ranges::count(ids, target_.unk_id()) > 0 ? 1 : 0;
      references.push_back(target_.decode(ids));
    }
    const int64_t most = model.longest_source() - tokens_with_eos(0), left_out = file.size() - rows_.size();
    require(!references.empty(), file.name(), ": the model takes sources of up to ", most,
            " tokens, and all are longer: --measure has nothing to translate");
    if (left_out > 0)
      note(left_out, " of ", file.size(), " pairs of ", file.name(), " have sources of more than ", most,
           " tokens: --measure leaves them out");
    if (unknown > 0)
      warn(unknown, " references of ", file.name(),
           " hold pieces that the vocabulary does not have; an unknown piece of a translation matches them, so that "
           "--measure is not what bleu gives against the text");
    for (const auto& name : names) scores_.push_back(text_measure(name).against(references));
  }

  std::vector<double> operator()(Device* device) const override {
    std::vector<std::span<const int32_t>> sources;
    for (int64_t i = 0; i < rows_.size(); ++i) sources.push_back(rows_(i, kSource));
    auto options = options_;
    options.device = device;
    const auto answers = translate(model_, special_, sources, options);
    std::vector<std::string> hypotheses(answers.size());
    parallel_items(static_cast<int64_t>(answers.size()), [&](int64_t i) {
      const auto k = static_cast<std::size_t>(i);
      hypotheses[k] = target_.decode(answers[k].front().ids);
    });
    std::vector<double> found;
    for (const auto& score : scores_) found.push_back(score(hypotheses));
    return found;
  }

 private:
  const EncoderDecoder& model_;
  SpecialIds special_;
  Vocabulary target_;
  DecodeOptions options_;
  Rows rows_;
  std::vector<TextMeasure::Score> scores_;
};

class PairScorer : public Scorer {
 public:
  PairScorer(const EncoderDecoder& model, const SpecialIds& special, const ScoreOptions& options)
      : model_(model), special_(special), options_(options) {}
  std::vector<double> add(RowColumns rows) override {
    std::vector<SentencePair> pairs;
    for (std::size_t i = 0; i < rows[kSource].size(); ++i) pairs.push_back({rows[kSource][i], rows[kTarget][i]});
    const int64_t first = first_;
    first_ += static_cast<int64_t>(pairs.size());
    return target_log_probs(model_, special_, pairs, options_.max_tokens, options_.device, first);
  }

 private:
  const EncoderDecoder& model_;
  SpecialIds special_;
  ScoreOptions options_;
  int64_t first_ = 1;  // the number of the next row
};

}  // namespace

Translation::Translation(const Model& model, const SpecialIds& special, std::optional<Vocabulary> target)
    : model_(as<EncoderDecoder>(model)), special_(special), target_(std::move(target)) {}

std::vector<Side> Translation::sides() const {
  const int64_t eos = tokens_with_eos(0);
  return {{{kSource}, eos, model_.longest_source()}, {{kTarget}, eos, model_.longest_target()}};
}

Batch Translation::batch(const Rows& rows, int64_t first, int64_t last) const {
  std::vector<SentencePair> pairs;
  for (int64_t i = first; i < last; ++i) pairs.push_back({rows(i, kSource), rows(i, kTarget)});
  return make_batch(pairs, special_);
}

Batch Translation::batch_of_size(int64_t tokens, std::span<const int64_t> longest) const {
  const auto least = [&](int64_t length) { return (tokens + length - 1) / length; };
  const int64_t sentences = std::max(least(longest[kSource]), least(longest[kTarget]));
  Batch batch;
  for (const int64_t length : longest) batch.inputs.push_back(PackedSentences::of_size(tokens, sentences, length));
  batch.labels.emplace_back(static_cast<std::size_t>(batch.inputs[kTarget].tokens()));
  return batch;
}

std::vector<int64_t> Translation::counts(const Batch& batch) const { return {batch.inputs[kTarget].tokens()}; }

std::vector<Value> Translation::record(Graph& graph, const Batch& batch, const LossOptions& options,
                                       std::span<const float> gradient_scales) const {
  return {loss(model_, graph, batch, options, gradient_scales[0]).totals};
}

std::vector<Hypotheses> Translation::answers(RowColumns rows, const DecodeOptions& options,
                                             std::vector<Workspace>* kept) const {
  if (options.slide) throw UsageError("--slide has no meaning for translations, whose sources are read whole");
  if (!options.begin_with_eos) throw UsageError("--begin-with-eos has no meaning for translations");
  const auto prefixes = rows.size() > kTarget ? std::span(rows[kTarget]) : std::span<const std::span<const int32_t>>();
  return translate(model_, special_, rows[kSource], options, prefixes, kept);
}

std::unique_ptr<Scorer> Translation::scorer(const ScoreOptions& options) const {
  if (options.stride > 0) throw UsageError("--stride has no meaning for translations: each row is a pair of its own");
  return std::make_unique<PairScorer>(model_, special_, options);
}

std::unique_ptr<Measures> Translation::measures(const TokenFile& file, std::span<const std::string> names,
                                                const DecodeOptions& options) const {
  if (!target_) return Task::measures(file, names, options);
  return std::make_unique<TranslationMeasures>(model_, special_, *target_, file, names, options);
}

const TaskKind& translation_task() {
  static const TaskKind kind{
      .name = "translation",
      .columns = {"src", "tgt"},
      .rows = "pairs",
      .measures =
          [] {
            std::vector<std::string> names;
            for (const TextMeasure& measure : text_measures()) names.push_back(measure.name);
            return names;
          }(),
      .answered = kTarget,
      .make = [](const Model& model, std::span<const Vocabulary> vocabularies) -> std::unique_ptr<Task> {
        const auto special = special_ids(vocabularies[kSource], vocabularies[kTarget], model.config());
        return std::make_unique<Translation>(model, special, vocabularies[kTarget]);
      },
      .recuts = true,
      .noised = 2};
  return kind;
}

}  // namespace storm
