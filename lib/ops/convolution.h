// One-dimensional convolution over ragged batches (Gehring et al. 2017, §3.2): as many rows come out as go in, and what
// lies beyond a sentence's ends is zeros, never its neighbour. Windows are laid out block by block in scratch, so each
// block is one matrix product and no padding row is stored.
#pragma once

#include "tensor/graph.h"

namespace storm {

enum class Reach : uint8_t {
  same,    // kernel (k): (k - 1) / 2 rows before, the row itself, k / 2 rows after
  causal,  // k - 1 rows before and the row itself
};

// x: [rows, in], dropped out on its way in; weight: [out, k * in], its columns by (place in the window, input), in the
// order of the sentence; offsets: I32 [sentences + 1, 1]: the rows of sentence s are offsets[s] to offsets[s + 1].
// -> [rows, out], without a bias (ops/glu.h adds it)
Value convolution(Graph& graph, Value x, Value weight, Value offsets, Reach reach, float dropout = 0);

struct ConvolutionAttributes {  // what its node carries, for the kernels
  Reach reach;
  float dropout;
};

// The causal windows of one decoding step: parents' windows moved on by one. x: [rows, in]: this step's inputs;
// windows: [rows of the step before, k * in], or none at the first step; parents: I32 [rows, 1]: which of these rows
// each goes on from. -> [rows, k * in]. No gradient.
Value next_windows(Graph& graph, Value x, Value windows, Value parents, int64_t kernel);

}  // namespace storm
