// What a masked language model says of texts: the pieces that stood at their masks, and how likely each piece is given
// all others.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "decode/generate.h"
#include "models/masked_language_model.h"
#include "models/text_encoder.h"

namespace storm {

// The model must outlive it.
struct MaskReader {
  const TextEncoder& encoder;
  const MaskedLanguageModel& head;
  int32_t before, behind, mask;  // [CLS], [SEP] and [MASK]
};

// The nbest likeliest ways to fill a text's masks, best first, of at most so many as there are. Given the text, masks
// are independent of one another: a way's score is the sum of log p of the pieces at the masks. A text without masks is
// its own answer, with a score of 0. Batches have at most options.max_tokens tokens, a text one at least.
// kept: as generate() has it. Throws Error for a text that is longer than the model takes (texts are numbered from
// options.first_sentence), and for a model whose probabilities are not numbers.
std::vector<Hypotheses> fill_masks(const MaskReader& model, std::span<const std::span<const int32_t>> texts,
                                   const DecodeOptions& options, std::vector<Workspace>* kept = nullptr);

// The pseudo-log-likelihood of each text: the sum over its pieces of log p(piece | all others), each of them masked in
// turn (Salazar, Liang, Nguyen and Kirchhoff, "Masked language model scoring", ACL 2020, §2). A text of n pieces takes
// n passes; batches have at most max_tokens tokens of any of these. device: as DecodeOptions has it. first: the number
// of the first text in errors. Throws Error likewise.
std::vector<double> pseudo_log_probs(const MaskReader& model, std::span<const std::span<const int32_t>> texts,
                                     int64_t max_tokens, Device* device = nullptr, int64_t first = 1);

}  // namespace storm
