// One step of a recurrent cell over the rows that it reads: everything but the matrix products.
//   tanh  h' = tanh(x + p)                                                    (Elman 1990)
//   gru   r, z = sigmoid(x + p), n = tanh(x + r * (p + b)), h' = (1 - z) * n + z * h    (Cho et al. 2014, §2.3; with
//   the
//         reset gate applied after the product and its bias inside, as in PyTorch and cuDNN)
//   lstm  i, f, o = sigmoid(x + p), g = tanh(x + p), c' = f * c + i * g, h' = o * tanh(c')  (Gers et al. 2000)
// x is what the input gives to each gate, p the product of the last state and the recurrent weights. Gates stand side
// by side in a row: gru r, z, n; lstm i, f, g, o.
#pragma once

#include <cstdint>

namespace storm {

enum class Cell : uint8_t { tanh, gru, lstm };
constexpr int64_t gates_of(Cell cell) { return cell == Cell::tanh ? 1 : cell == Cell::gru ? 3 : 4; }

// Rows of the packed batch are [tokens, *], rows of the step [active, *]: row i of the step is rows[i] of the batch.
struct CellForward {
  const int32_t* rows;
  int64_t h;
  const float* x;        // [tokens, gates * h]
  const float* product;  // [active, gates * h]
  const float* bias;     // gru: [h]
  float* gates;          // [tokens, gates * h]: the gates' activations; may lie where x does
  float* state;          // [active, h]: h, then h'
  float* memory;         // lstm: [active, h]: c, then c'
  float* states;         // [tokens, h]: h'
  float* extra;          // [tokens, h]: lstm c', gru p + b of the gate n
};
void cell_forward(Cell cell, const CellForward& f, int64_t begin, int64_t end);

struct CellBackward {
  const int32_t* rows;
  int64_t h;
  const float* gates;               // as forward left them
  float* extra;                     // as forward left it; gru: becomes the gradient of p of the gate n
  const float* const* previous;     // of each row of the step: h (gru) or c (lstm) as they were before it
  const float *d_states, *d_extra;  // [tokens, h] or null: the gradients of what forward gave out (d_extra: lstm alone)
  float* d_state;    // [active, h]: the gradient of h'; becomes h's, but for what comes by way of the product
  float* d_memory;   // lstm: [active, h]: the gradient of c', then of c
  float* d_gates;    // [tokens, gates * h]: the gradient of x; may lie where gates do
  float* d_input;    // [active, gates * h]: the same, in the rows of the step; may be null
  float* d_product;  // [active, gates * h]: the gradient of p
};
void cell_backward(Cell cell, const CellBackward& f, int64_t begin, int64_t end);

}  // namespace storm
