#include "train/validate.h"

#include <algorithm>

#include "base/parallel.h"
#include "base/signals.h"

namespace storm {

std::vector<Batch> model_batches(const Pairs& pairs, const SpecialIds& special, int64_t max_tokens) {
  struct Tokens {
    int64_t source = 0, target = 0;
    int64_t most() const { return std::max(source, target); }
    Tokens operator+(const Tokens& o) const { return {source + o.source, target + o.target}; }
  };
  const auto of = [&](int64_t i) {
    return Tokens{static_cast<int64_t>(pairs.source(i).size()) + 1, static_cast<int64_t>(pairs.target(i).size()) + 1};
  };
  Tokens all, part;
  for (int64_t i = 0; i < pairs.size(); ++i) all = all + of(i);
  const int64_t parts = std::max<int64_t>((all.most() + max_tokens - 1) / max_tokens, 1);
  const int64_t even = (all.most() + parts - 1) / parts;  // a small last part would cost what a large one does
  std::vector<Batch> batches;
  std::vector<SentencePair> views;
  for (int64_t i = 0; i < pairs.size(); ++i) {
    if (!views.empty() && (part.most() >= even || (part + of(i)).most() > max_tokens)) {
      batches.push_back(make_batch(views, special));
      views.clear();
      part = {};
    }
    part = part + of(i);
    views.push_back({pairs.source(i), pairs.target(i)});
  }
  batches.push_back(make_batch(views, special));
  return batches;
}

std::optional<LossSums> validation_loss(TrainingStep& step, const BatchSource& source, const SpecialIds& special,
                                        int64_t max_tokens) {
  Pairs pairs;
  bool stopped = false;
  for (Place place; !stopped && source.next(place, pairs);) {
    stopped = stop_signal() != 0;
    if (!stopped)
      for (const Batch& b : model_batches(pairs, special, max_tokens)) step.queue_validation(b);
  }
  LossSums sums;
  while (step.queued() > 0) sums += step.next_loss();
  return stopped ? std::nullopt : std::optional(sums);
}

ValidationBleu::ValidationBleu(const PairFile& file, const Vocabulary& target, const SpecialIds& special,
                               const DecodeOptions& options, int64_t longest_source)
    : target_(target), special_(special), options_(options) {
  std::vector<std::string> references;
  for (int64_t row = 0; row < file.size(); ++row) {
    if (file.lengths(row).source + 1 > longest_source) continue;  // EOS is one more
    file.append(row, pairs_);
    const auto ids = pairs_.target(pairs_.size() - 1);
    unknown_references_ += std::ranges::count(ids, target_.unk_id()) > 0 ? 1 : 0;
    references.push_back(target_.decode(ids));
  }
  if (!references.empty()) references_.emplace(std::span(&references, 1));
}

double ValidationBleu::operator()(const Model& model, Device* device) const {
  std::vector<std::span<const int32_t>> sources;
  for (int64_t i = 0; i < pairs_.size(); ++i) sources.push_back(pairs_.source(i));
  auto options = options_;
  options.device = device;
  const auto answers = translate(model, special_, sources, options);
  std::vector<std::string> hypotheses(answers.size());
  parallel_items(static_cast<int64_t>(answers.size()), [&](int64_t i) {
    const auto k = static_cast<std::size_t>(i);
    hypotheses[k] = target_.decode(answers[k].front().ids);
  });
  return references_->score(hypotheses).score;
}

}  // namespace storm
