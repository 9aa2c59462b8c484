// What changes the logits of a step before a search ranks them or a sample is drawn: penalties, bans, temperature and
// cuts. A processor is a file here and a line in the table of logits_processors.cc; search and sampling know the table
// alone. The names and the definitions are those of Hugging Face transformers (generation/logits_process.py, 5.24),
// where it has them.
//
// They work in the table's order, each on what the ones before it left: first those of search and sampling
// (repetition_penalty, shallow_fusion, no_repeat_ngram, banned_ids, min_length), then those of sampling alone
// (temperature, top_k, top_p, min_p, typical_p). What an answer is made to go on with, a prefix or the EOS at its
// maximum length, they do not touch.
//
// After them, an id's log-probability is its logit less the normaliser (log-sum-exp) of the model's own logits. What
// they leave alone keeps the probability that the model gave it: nothing is shared out anew, unless options.renormalize
// takes the normaliser of the changed logits, as Hugging Face's LogitNormalization does. Beam search adds these up and
// ranks by them, so hypotheses have them in `log_prob` and `score`, as Hugging Face's sequences_scores and fairseq have
// bans; there, a penalty multiplies log-probabilities when there are beams, while here it changes logits always.
// Samples are drawn in proportion to what is left, and have the model's own probabilities.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "decode/generate.h"

namespace storm {

// One answer as far as it is.
struct RowSoFar {
  std::span<const int32_t> ids;  // of a continuation: the text and what is new; of a translation: what was said
  int32_t length = 0;            // ids that count for the minimum length
  int32_t least = 0;             // the minimum length
};

constexpr float kBanned = -std::numeric_limits<float>::infinity();  // the logit of an id that cannot follow

class LogitsProcessor {
 public:
  virtual ~LogitsProcessor() = default;
  // logits: [vocabulary]. Called by several threads at once.
  virtual void operator()(const RowSoFar& row, std::span<float> logits) const = 0;
};

struct LogitsProcessorKind {
  // Null where the options leave it off.
  std::unique_ptr<LogitsProcessor> (*make)(const DecodeOptions& options, const SpecialIds& special);
  // Search and sampling have it in their graphs, too, which are faster: it alone is no reason to fetch all logits.
  bool in_graph = false;
};

// Those of a call.
class LogitsProcessors {
 public:
  LogitsProcessors(const DecodeOptions& options, const SpecialIds& special);

  // Nothing is on that graphs do not do: logits stay where they are.
  bool empty() const { return processors_.empty(); }
  // Changes a row's logits. Where that leaves no id that can follow, EOS gets back the logit that it had. Returns the
  // normaliser of the logits as they were, or of a search's that is renormalized, as they are. Throws Error where these
  // are not numbers.
  double operator()(const RowSoFar& row, std::span<float> logits) const;

 private:
  std::vector<std::unique_ptr<LogitsProcessor>> processors_;
  int32_t eos_;
  bool renormalize_;
};

}  // namespace storm
