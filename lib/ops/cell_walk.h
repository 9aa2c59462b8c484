// What every recurrent op does: walk a cell over the steps of a packed batch, forward and back. The ops put what is
// their own between the steps. Inside lib/ops only.
//
// An op that uses it has these inputs first:   0 x of the gates [tokens, gates * h], 1 recurrent weight [gates * h, h],
// 2 bias [1, h] of the gru, 3 offsets, 4 and 5 the states h and c before the first step [sentences, h], each may be
// none; and these outputs first: 0 gates, in the place of x, 1 states [tokens, h], 2 the cell's extra [tokens, h]
// (cells.h).
//
// Variational dropout (Gal and Ghahramani 2016): the product reads the state with one mask a sentence, the same at each
// step.
#pragma once

#include <vector>

#include "cpu/gemm.h"
#include "ops/cells.h"
#include "ops/dropout_stream.h"
#include "ops/ragged_steps.h"
#include "tensor/execution.h"

namespace storm {

struct CellInput {
  Cell cell = Cell::lstm;
  Value x{}, weight{}, bias{}, offsets{}, h{}, c{};
  bool reverse = false;  // from the last token of each sentence to its first
  float dropout = 0;     // of the recurrent state, variational
};

struct CellAttributes {
  Cell cell;
  bool reverse;
  float dropout;
};

class CellWalk {
 public:
  // Checks that the shapes fit; `op` is for the message.
  static void check(const Graph& graph, const CellInput& input, const char* op);
  // The node's first inputs, what backward keeps of them, and its first outputs' shapes.
  static Node node_of(const Op& op, const CellInput& input);
  static std::array<Shape, 3> outputs_of(const Graph& graph, const CellInput& input);
  // Floats of scratch.
  static std::size_t forward_floats(const Graph& graph, const CellInput& input);
  static std::size_t backward_floats(const Graph& graph, const CellInput& input);

  CellWalk(const Execution& run, const Node& node, const CellAttributes& attributes, bool backward);

  const RaggedSteps steps;
  const int64_t h, width, sentences, tokens;  // width: gates * h

  // Forward. The state that the product of the next step reads: [active, h], masked.
  const float* masked() const { return masked_; }
  const float* state() const { return state_; }
  // x as forward reads it; an op that adds to x does so in gates() and then says x_in_gates.
  const float* x() const { return x_; }
  float* gates() const { return gates_; }
  void advance(int64_t t, bool x_in_gates = false);

  // Backward. d_state: [sentences, h], the gradient of the state after the step that is next to be taken back; ops add
  // to it. retreat makes it that of the state before. d_input: see cells.h; asked for by the op or null.
  float* d_state() const { return state_; }
  void retreat(int64_t t, float* d_input = nullptr);
  // d_state += mask * (d[n, cols] x weight[cols, h]): what came to the masked state by way of a product.
  void pull(const float* d, int64_t cols, const float* weight, int64_t n);
  // [tokens, h]: the masked state that each token's product read.
  const float* previous_states();
  const float* d_gates() const { return d_gates_; }  // [tokens, gates * h]: the gradient of x
  // After the last retreat: the gradients of the weight, the bias, the initial states and x.
  void finish();

 private:
  const float* row_before(const float* of_tokens, Value initial, int64_t row, int64_t sentence) const;
  void mask_rows(const float* from, float* to, int64_t begin, int64_t end) const;

  const Execution& run_;
  const Node& node_;
  const CellAttributes attributes_;
  DropoutStream dropout_;
  const float* x_;
  Operand weight_;
  const float* bias_;
  float *gates_, *states_, *extra_;
  float *state_, *memory_ = nullptr, *masked_, *factors_ = nullptr, *product_;
  float *zeros_ = nullptr, *previous_states_ = nullptr, *d_gates_ = nullptr;
  bool previous_made_ = false;
};

}  // namespace storm
