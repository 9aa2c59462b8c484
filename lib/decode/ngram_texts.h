// Texts that an n-gram model goes on with, and texts that it tells the probability of.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "decode/generate.h"
#include "ngram/ngram_model.h"

namespace storm {

// An n-gram model as search and sampling ask it. Its logits are natural logarithms of its probabilities, of the ids of
// its vocabulary; what has no word in the model, and <s>, never follows. EOS that is fed begins a sentence.
class NgramGenerator : public Generator {
 public:
  explicit NgramGenerator(const NgramModel& model);  // borrowed

  OutputLayer output(Graph&) const override { return {}; }  // it has none
  std::unique_ptr<Decoder> start(Workspace& workspace, const PackedSentences& contexts) const override;

  // As continue_texts (decode/continue_texts.h) has it. The unknown word is never said: its probability is not shared
  // out unless options.renormalize says so. Throws Error where options.banned_ids leave no word.
  std::vector<Hypotheses> continue_texts(std::span<const std::span<const int32_t>> texts, DecodeOptions options,
                                         std::vector<Workspace>* kept = nullptr) const;

 private:
  class Steps;

  const NgramModel& model_;
  std::vector<int32_t> never_;  // ids that never follow
};

struct NgramScore {
  double log_prob = 0;          // natural logarithm, EOS included
  double unknown_log_prob = 0;  // that of the unknown words in it
  int64_t unknown = 0;          // how many these are
};

// Of texts of ids, each by itself between <s> and </s>, by all threads. Throws Error for a text that has <s> or </s>
// in it; first: the number of the first one, for that.
std::vector<NgramScore> ngram_scores(const NgramModel& model, std::span<const std::span<const int32_t>> texts,
                                     int64_t first = 1);

}  // namespace storm
