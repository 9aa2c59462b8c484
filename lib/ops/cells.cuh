// One step of a recurrent cell on the device: everything but the matrix products, in one launch each way. What it
// computes is in cells.h; rows of the packed batch are [tokens, *], rows of the step [active, *].
#pragma once

#include "cuda/context.h"
#include "ops/cells.h"

namespace storm::cuda {

// Rows as they were before the step: what the sentence's token before this one left.
struct Before {
  const float* of_tokens;  // [tokens, h]
  const float* initial;    // [sentences, h], of the first step; null: zeros
  const int32_t* order;    // which sentence is row i of the step
  int64_t back;            // from a token's row to the one that was read before it; 0: this is the first step
};

struct CellForward {
  const int32_t* rows;
  int64_t h;
  const float* x;        // [tokens, gates * h]
  const float* fed;      // [active, gates * h]: is added to x; may be null
  const float* product;  // [active, gates * h]; null: zeros
  const float* bias;     // gru: [h]
  Before before;         // gru: h, lstm: c
  float* gates;          // [tokens, gates * h]; may lie where x does
  float* states;         // [tokens, h]: h'
  float* extra;          // [tokens, h]: lstm c', gru p + b of the gate n
  const float* factors;  // [active, h]: the state's dropout; may be null
  float* masked;         // [active, h]: h' dropped out, what the next step's product reads
  float* shown;          // [active, shown_ld]: h' once more, for an op's own products; may be null
  int64_t shown_ld;
};
void queue_cell_forward(Context& context, Cell cell, const CellForward& f, int64_t active);

struct CellBackward {
  const int32_t* rows;
  int64_t h;
  Before before;                    // gru: h, lstm: c
  const float* gates;               // as forward left them
  float* extra;                     // as forward left it; gru: becomes the gradient of p of the gate n
  const float *d_states, *d_extra;  // [tokens, h] or null: the gradients of what forward gave out (d_extra: lstm)
  const float* pulled;              // [pulled_rows, h]: what came to the masked h'
  const float* factors;             // [active, h]: the mask
  int64_t pulled_rows;
  const float* more;  // [active, more_ld]: what came to h' from elsewhere; may be null
  int64_t more_ld;
  float* d_state;   // [active, h]: the gradient of h' but for the above; becomes h's, but for what comes by the product
  float* d_memory;  // lstm: [active, h]: the gradient of c', then of c
  float* d_gates;   // [tokens, gates * h]: the gradient of x; may lie where gates do
  float* d_product;  // [active, gates * h]: the gradient of p; but for the gru it is that of x too
  float* d_input;    // gru: [active, gates * h]: the gradient of x in the rows of the step; may be null
};
void queue_cell_backward(Context& context, Cell cell, const CellBackward& f, int64_t active);

}  // namespace storm::cuda
