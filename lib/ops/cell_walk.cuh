// cell_walk.h on the device: walks a cell over the steps of a packed batch, forward and back. Inside lib/ops only.
//
// Launches per step: forward 2 (the product, the cell), backward 2 (the cell, the product of what goes on to the step
// before); with dropout the same, as the masks are applied by the cell's kernels. Before the steps 1 (backward: none
// without dropout, but for clearing), after them the products of the weight's gradient and a few more.
#pragma once

#include "ops/cell_walk.h"
#include "ops/cells.cuh"

namespace storm::cuda {

class CellWalk {
 public:
  CellWalk(const Execution& run, const Node& node, const CellAttributes& attributes, Context& context, bool backward);

  const RaggedSteps steps;  // on the host
  const int64_t h, width, sentences, tokens;
  // The steps' order and rows, on the device.
  const int32_t* order() const { return order_; }                          // [sentences]
  const int32_t* rows(int64_t t) const { return rows_ + steps.begin(t); }  // [active]

  // Forward. The state that the product of the next step reads: [active, h], masked.
  const float* masked() const { return masked_; }
  // fed: [active, gates * h], is added to x. shown: [active, shown_ld], gets the new state. Both may be null.
  void advance(int64_t t, const float* fed = nullptr, float* shown = nullptr, int64_t shown_ld = 0);

  // Backward. d_state: [sentences, h], as in cell_walk.h; ops add to it. retreat makes it that of the state before,
  // having added more [active, more_ld] (may be null). It returns the gradient of x in the rows of the step, which lies
  // in gru_input [active, gates * h] when the cell is a gru; null there: not wanted.
  float* d_state() const { return state_; }
  const float* retreat(int64_t t, const float* more = nullptr, int64_t more_ld = 0, float* gru_input = nullptr);
  // d_state += mask * (d[active, cols] x weight[cols, h]) for the state before step t.
  void pull(int64_t t, const float* d, int64_t cols, const float* weight);
  // [tokens, h]: the masked state that each token's product read.
  const float* previous_states();
  // to [tokens, n]: of each token, the row of `from` of the token that was read before it, or zeros.
  void rows_before(const float* from, int64_t n, float* to);
  const float* d_gates() const { return d_gates_; }  // [tokens, gates * h]: the gradient of x
  void finish();

 private:
  Before before(int64_t t, const float* of_tokens, std::size_t initial) const;

  const Execution& run_;
  const Node& node_;
  const CellAttributes attributes_;
  Context& context_;
  const float *weight_, *bias_;
  float *gates_, *states_, *extra_;
  const int32_t *order_, *rows_, *ranks_ = nullptr;
  float *state_ = nullptr, *memory_ = nullptr, *masked_, *factors_ = nullptr, *product_;
  float *previous_states_ = nullptr, *d_gates_ = nullptr;
  bool previous_made_ = false;
  int64_t pulled_ = 0;  // so many rows of masked_ wait for being added to d_state
};

// A constant's values on the host: offsets decide which work there is.
const int32_t* host_values(const Execution& run, Value v, const char* op);

// into [n] = beta * into + the sum over the rows of d [rows, n], in a fixed order. 2 launches.
void add_column_sums(Context& context, const char* what, const float* d, int64_t rows, int64_t n, float beta,
                     float* into);

}  // namespace storm::cuda
