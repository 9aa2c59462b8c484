#include "decode/ngram_texts.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "base/error.h"
#include "base/parallel.h"
#include "base/printable.h"
#include "decode/continue_texts.h"
#include "decode/logits_processor.h"
#include "ngram/ngram_text.h"

namespace storm {

class NgramGenerator::Steps : public Decoder {
 public:
  Steps(const NgramGenerator& generator, const PackedSentences& contexts) : generator_(generator) {
    for (int64_t s = 0; s < contexts.sentences(); ++s) {
      NgramState state = generator.model_.after_nothing();
      const auto begin = contexts.offsets[static_cast<std::size_t>(s)];
      const auto end = contexts.offsets[static_cast<std::size_t>(s) + 1];
      for (int32_t i = begin; i < end; ++i)
        state = generator.model_.after(state, contexts.ids[static_cast<std::size_t>(i)]);
      states_.push_back(state);
    }
  }

  Value step(Graph& graph, std::span<const int32_t> parents, std::span<const int32_t> tokens) override {
    const NgramModel& model = generator_.model_;
    const auto width = static_cast<std::size_t>(model.vocabulary().size());
    std::vector<NgramState> states;
    logits_.resize(parents.size() * width);
    for (std::size_t r = 0; r < parents.size(); ++r) {
      const auto row = std::span(logits_).subspan(r * width, width);
      states.push_back(model.after(states_[static_cast<std::size_t>(parents[r])], tokens[r]));
      model.log_probs(states.back(), row);
      for (const int32_t id : generator_.never_) row[static_cast<std::size_t>(id)] = kBanned;
    }
    states_ = std::move(states);
    return graph.constant({std::ssize(parents), std::ssize(logits_) / std::ssize(parents)}, logits_.data());
  }

 private:
  const NgramGenerator& generator_;
  std::vector<NgramState> states_;  // of the rows of the step before
  std::vector<float> logits_;
};

NgramGenerator::NgramGenerator(const NgramModel& model) : model_(model) {
  const Vocabulary& vocabulary = model.vocabulary();
  for (int32_t id = 0; id < vocabulary.size(); ++id) {
    const auto word = model.number_of(id);
    if (word == kSentenceBegin || (word == kUnknownWord && id != vocabulary.unk_id())) never_.push_back(id);
  }
}

std::unique_ptr<Decoder> NgramGenerator::start(Workspace& workspace, const PackedSentences& contexts) const {
  workspace.graph.clear();
  return std::make_unique<Steps>(*this, contexts);
}

std::vector<Hypotheses> NgramGenerator::continue_texts(std::span<const std::span<const int32_t>> texts,
                                                       DecodeOptions options, std::vector<Workspace>* kept) const {
  const Vocabulary& vocabulary = model_.vocabulary();
  auto& banned = options.banned_ids;
  if (vocabulary.unk_id() >= 0 && std::ranges::find(banned, vocabulary.unk_id()) == banned.end())
    banned.push_back(vocabulary.unk_id());
  std::vector<uint8_t> left(static_cast<std::size_t>(vocabulary.size()), 1);
  for (const auto& ids : {std::span<const int32_t>(banned), std::span<const int32_t>(never_)})
    for (const int32_t id : ids) left[static_cast<std::size_t>(id)] = 0;
  require(std::ranges::count(left, 1) > 1, model_.name(), ": --ban leaves none of its words");
  return storm::continue_texts(*this, std::numeric_limits<int32_t>::max(), vocabulary.eos_id(), texts, options, kept);
}

std::vector<NgramScore> ngram_scores(const NgramModel& model, std::span<const std::span<const int32_t>> texts,
                                     int64_t first) {
  const Vocabulary& vocabulary = model.vocabulary();
  for (std::size_t i = 0; i < texts.size(); ++i)
    for (const int32_t id : {vocabulary.bos_id(), vocabulary.eos_id()})
      require(std::ranges::find(texts[i], id) == texts[i].end(), "row ", first + static_cast<int64_t>(i), ": holds ",
              printable(id < 0 ? "" : vocabulary.piece(id)), ", which models put round sentences themselves");
  std::vector<NgramScore> scores(texts.size());
  parallel_ranges(std::ssize(texts), 1, [&](int64_t begin, int64_t end) {
    const auto own = texts.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
    std::size_t tokens = own.size();
    for (const auto& text : own) tokens += text.size();
    std::vector<uint32_t> words;
    words.reserve(tokens);
    std::vector<float> log_probs(tokens);
    std::vector<NgramModel::Text> asked;
    for (std::size_t i = 0, at = 0; i < own.size(); at += own[i++].size() + 1) {
      const auto before = words.size();
      for (const int32_t id : own[i]) words.push_back(model.number_of(id));
      asked.push_back({std::span(words).subspan(before), std::span(log_probs).subspan(at, own[i].size() + 1)});
    }
    model.score(asked);
    for (std::size_t i = 0; i < own.size(); ++i) {
      NgramScore& score = scores[static_cast<std::size_t>(begin) + i];
      for (std::size_t k = 0; k < asked[i].log_probs.size(); ++k) {
        const double log_prob = static_cast<double>(asked[i].log_probs[k]) * std::numbers::ln10;
        score.log_prob += log_prob;
        if (k == asked[i].words.size() || asked[i].words[k] != kUnknownWord) continue;
        score.unknown_log_prob += log_prob;
        ++score.unknown;
      }
    }
  });
  return scores;
}

}  // namespace storm
