// What decoding makes of logits. The ops have no gradients.
#pragma once

#include "tensor/graph.h"

namespace storm {

struct TopK {
  Value log_probs;  // F32 [rows, k], falling; of equal ones the lower id comes first
  Value ids;        // I32 [rows, k]
};

// logits: [rows, vocabulary]. log_probs are over the whole vocabulary (log-softmax). k is cut to the vocabulary's size.
TopK top_k(Graph& graph, Value logits, int32_t k);

// [rows, vocabulary] -> [rows, vocabulary], in place where the planner can.
Value log_softmax(Graph& graph, Value logits);

// One column of each row. x: [rows, cols]; columns: I32 [rows, 1], a constant -> [rows, 1]
Value pick(Graph& graph, Value x, Value columns);

// x with `value` in some columns of each row, in place where the planner can. columns: I32 [n, 1], a constant.
Value index_fill(Graph& graph, Value x, Value columns, float value);

struct IndexFillAttributes {  // what its node carries, for the kernels
  float value;
};

}  // namespace storm
