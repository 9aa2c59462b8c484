// What models can do beside having parameters. A model that can do one of these has the class among its bases.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "data/batch.h"
#include "models/decoder.h"
#include "models/model.h"
#include "ops/cross_entropy.h"
#include "tensor/workspace.h"

namespace storm {

// Makes a vector of each token of a text, in its context.
class TextEncoder {
 public:
  static constexpr const char* kCannot = "has no encoder of text";
  virtual ~TextEncoder() = default;

  // Records the pass over packed texts, without dropout, and leaves the states of all layers in trace.states, and the
  // attention weights that it asks for. text must outlive the graph's run.
  virtual void encode(Graph& graph, const PackedSentences& text, Trace& trace) const = 0;
  // [vocabulary, width]: the table that tokens are looked up in, as it was trained.
  virtual std::span<const float> token_embeddings() const = 0;
  virtual int64_t longest_source() const { return INT32_MAX; }  // tokens that a text may have, EOS included
};

// The output layer: logits = states weight^T + bias.
struct OutputLayer {
  Value weight;  // [vocabulary, width]
  Value bias;    // [1, vocabulary], or none
};

// Turns a source into a target.
class EncoderDecoder : public TextEncoder {
 public:
  static constexpr const char* kCannot = "does not turn a source into a target";

  // Records the pass from packed pairs to what the output layer reads: [target tokens, width]. source: each sentence
  // with EOS; target: BOS and each sentence (make_batch). Both must outlive the graph's run. Dropout is on in graphs
  // with gradients. trace: what it asks for is left in it.
  virtual Value states(Graph& graph, const PackedSentences& source, const PackedSentences& target,
                       Trace* trace = nullptr) const = 0;
  virtual OutputLayer output(Graph& graph) const = 0;

  // Runs the encoder in the workspace (whose graph and slabs are cleared) and returns what decodes from it; the next
  // decoder in the same workspace ends this one. Several threads may decode at once, each in a workspace of its own.
  virtual std::unique_ptr<Decoder> start(Workspace& workspace, const PackedSentences& source) const = 0;

  virtual int64_t longest_target() const { return INT32_MAX; }  // tokens that a target may have, EOS included
};

// Ids with a meaning of their own; a vocabulary without a BOS starts its targets with EOS.
struct SpecialIds {
  int32_t bos = 2, eos = 3;
};

struct SentencePair {
  std::span<const int32_t> source, target;  // as a stream has them: without BOS and EOS
};

// How a pair is laid out stands here alone. Each side takes one token more than it has: the source ends in EOS, the
// decoder is fed BOS and the target, and its labels are the target and EOS.
template <class Length>
constexpr int64_t tokens_with_eos(Length length) {
  return static_cast<int64_t>(length) + 1;
}
PackedSentences pack_sources(std::span<const std::span<const int32_t>> sources, const SpecialIds& special);
// inputs: sources, targets; labels: one list, of all target tokens.
Batch make_batch(std::span<const SentencePair> pairs, const SpecialIds& special);

// Records the loss of a batch of make_batch's. batch must outlive the graph's run.
CrossEntropy loss(const EncoderDecoder& model, Graph& graph, const Batch& batch, float label_smoothing,
                  float gradient_scale);

}  // namespace storm
