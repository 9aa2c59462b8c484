// How good a model is on data that it was not trained on: loss, perplexity and, by decoding, BLEU.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "data/batches.h"
#include "decode/translate.h"
#include "metrics/bleu_references.h"
#include "text/vocabulary.h"
#include "train/step.h"

namespace storm {

// Pairs of a stream as a model takes them, in parts of about the same size, each with up to max_tokens on its larger
// side, EOS included, and one pair at least.
std::vector<Batch> model_batches(const Pairs& pairs, const SpecialIds& special, int64_t max_tokens);

// The sums over all pairs, in the file's order, without dropout; none when a signal asks to stop. What is run at once
// has max_tokens on its larger side, so that it takes no more memory than training does.
std::optional<LossSums> validation_loss(TrainingStep& step, const BatchSource& source, const SpecialIds& special,
                                        int64_t max_tokens);

// BLEU as `decode | tokenize -d | bleu` gives it, against the text of the target column (tokenize -d --column tgt).
class ValidationBleu {
 public:
  // Pairs whose sources are longer than longest_source, EOS counted, are left out.
  ValidationBleu(const PairFile& file, const Vocabulary& target, const SpecialIds& special,
                 const DecodeOptions& options, int64_t longest_source);
  int64_t size() const { return pairs_.size(); }                      // pairs that are translated
  int64_t unknown_references() const { return unknown_references_; }  // those that hold an unknown piece
  // device: null for the CPU, or one that has twins of the model's parameters.
  double operator()(const Model& model, Device* device) const;

 private:
  Pairs pairs_;
  int64_t unknown_references_ = 0;
  std::optional<BleuReferences> references_;  // counted once
  Vocabulary target_;
  SpecialIds special_;
  DecodeOptions options_;
};

}  // namespace storm
