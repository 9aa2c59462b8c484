// A model that turns a source into a target, and how pairs are laid out for it.
#pragma once

#include <cstdint>
#include <span>

#include "data/batch.h"
#include "models/generator.h"
#include "models/text_encoder.h"
#include "ops/cross_entropy.h"

namespace storm {

// Its contexts, as a Generator, are sources with EOS, and what it is fed first is BOS.
class EncoderDecoder : public TextEncoder, public Generator {
 public:
  static constexpr const char* kCannot = "does not turn a source into a target";

  // Records the pass from packed pairs to what the output layer reads: [target tokens, width]. source: each sentence
  // with EOS; target: BOS and each sentence (make_batch). Both must outlive the graph's run. Dropout is on in graphs
  // with gradients. trace: what it asks for is left in it.
  virtual Value states(Graph& graph, const PackedSentences& source, const PackedSentences& target,
                       Trace* trace = nullptr) const = 0;
  // Records -log p of each label of a batch of make_batch's, which must outlive the graph's run -> [target tokens, 1],
  // kept readable after it.
  virtual Value token_nll(Graph& graph, const Batch& batch) const;
  virtual int64_t longest_target() const { return INT32_MAX; }  // tokens that a target may have, EOS included
};

struct SentencePair {
  std::span<const int32_t> source, target;  // as a stream has them: without BOS and EOS
};

// How a pair is laid out stands here alone. Each side takes one token more than it has: the source ends in EOS, the
// decoder is fed BOS and the target, and its labels are the target and EOS.
// inputs: sources, targets; labels: one list, of all target tokens.
Batch make_batch(std::span<const SentencePair> pairs, const SpecialIds& special);

// Records the loss of a batch of make_batch's. batch must outlive the graph's run.
CrossEntropy loss(const EncoderDecoder& model, Graph& graph, const Batch& batch, const LossOptions& options,
                  float gradient_scale);

}  // namespace storm
