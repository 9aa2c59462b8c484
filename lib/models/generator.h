// What search and sampling know of a model: it is started on contexts, and says what follows, one token of some rows
// after another.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "data/batch.h"
#include "tensor/graph.h"
#include "tensor/workspace.h"

namespace storm {

// Ids with a meaning of their own; a vocabulary without a BOS starts its targets with EOS.
struct SpecialIds {
  int32_t bos = 2, eos = 3;
};

// What a sentence of `length` tokens takes of a batch: EOS with it, or what is fed before it.
template <class Length>
constexpr int64_t tokens_with_eos(Length length) {
  return static_cast<int64_t>(length) + 1;
}

// The output layer: logits = states weight^T + bias.
struct OutputLayer {
  Value weight;  // [vocabulary, width]
  Value bias;    // [1, vocabulary], or none
};

// The incremental decoding of one batch of contexts. It borrows from the model.
class Decoder {
 public:
  virtual ~Decoder() = default;

  // Records one step. Row i goes on from row parents[i] of the step before (at the first step parents[i] is a context)
  // and is fed tokens[i]. Rows stand grouped by context, in the contexts' order; a context may have none left. ->
  // logits [rows, vocabulary]. The graph must be run before the next step is recorded.
  virtual Value step(Graph& graph, std::span<const int32_t> parents, std::span<const int32_t> tokens) = 0;
};

class Generator {
 public:
  virtual ~Generator() = default;

  virtual OutputLayer output(Graph& graph) const = 0;
  // Runs over the contexts in the workspace (whose graph and slabs are cleared) and returns what goes on from them; the
  // next decoder in the same workspace ends this one. Several threads may decode at once, each in a workspace of its
  // own. contexts: what stands before the first token that is fed: a source, or the beginning of a text.
  virtual std::unique_ptr<Decoder> start(Workspace& workspace, const PackedSentences& contexts) const = 0;
};

}  // namespace storm
