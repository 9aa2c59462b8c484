#include "train/validate.h"

#include "base/parallel.h"
#include "base/signals.h"

namespace storm {

Batch model_batch(const Pairs& pairs, const SpecialIds& special) {
  std::vector<SentencePair> views;
  views.reserve(static_cast<std::size_t>(pairs.size()));
  for (int64_t i = 0; i < pairs.size(); ++i) views.push_back({pairs.source(i), pairs.target(i)});
  return make_batch(views, special);
}

std::optional<LossSums> validation_loss(TrainingStep& step, const BatchSource& source, const SpecialIds& special) {
  LossSums sums;
  Pairs pairs;
  for (Place place; source.next(place, pairs);) {
    if (stop_signal()) return std::nullopt;
    sums += step.forward(model_batch(pairs, special));
  }
  return sums;
}

ValidationBleu::ValidationBleu(const PairFile& file, const Vocabulary& target, const SpecialIds& special,
                               const DecodeOptions& options)
    : target_(target), special_(special), options_(options) {
  std::vector<std::string> references;
  for (int64_t row = 0; row < file.size(); ++row) {
    file.append(row, pairs_);
    references.push_back(target_.decode(pairs_.target(row)));
  }
  references_.emplace(std::span(&references, 1));
}

double ValidationBleu::operator()(const Model& model) const {
  std::vector<std::span<const int32_t>> sources;
  for (int64_t i = 0; i < pairs_.size(); ++i) sources.push_back(pairs_.source(i));
  const auto answers = translate(model, special_, sources, options_);
  std::vector<std::string> hypotheses(answers.size());
  parallel_items(static_cast<int64_t>(answers.size()), [&](int64_t i) {
    const auto k = static_cast<std::size_t>(i);
    hypotheses[k] = target_.decode(answers[k].front().ids);
  });
  return references_->score(hypotheses).score;
}

}  // namespace storm
