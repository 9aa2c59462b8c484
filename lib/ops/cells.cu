// A block 128 columns of one row, a thread a column with all its gates: every load and store is side by side in a warp,
// the row's number is the same for a whole block, and nothing is shared between threads. A step is short, so what
// counts is that it is one launch; a thread's loads do not wait for each other.
#include "ops/cells.cuh"

namespace storm::cuda {

namespace {

constexpr unsigned kThreads = 128;

__device__ __forceinline__ float sigmoid(float x) { return 1 / (1 + expf(-x)); }

__device__ __forceinline__ float value_before(const Before& b, int64_t i, int64_t row, int64_t h, int64_t c) {
  if (b.back != 0) return b.of_tokens[(row + b.back) * h + c];
  return b.initial ? b.initial[b.order[i] * h + c] : 0.0f;
}

template <Cell kCell>
__global__ void __launch_bounds__(kThreads) forward_kernel(CellForward f) {
  constexpr int64_t kGates = gates_of(kCell);
  const int64_t i = blockIdx.x, c = static_cast<int64_t>(blockIdx.y) * kThreads + threadIdx.x, h = f.h;
  if (c >= h) return;
  const int64_t row = f.rows[i], at = row * h + c, wide = row * kGates * h + c, step = i * kGates * h + c;
  float x[kGates], p[kGates], state;
#pragma unroll
  for (int64_t g = 0; g < kGates; ++g) {
    x[g] = f.x[wide + g * h];
    if (f.fed) x[g] += f.fed[step + g * h];
    p[g] = f.product ? f.product[step + g * h] : 0.0f;
  }
  float* gate = f.gates + wide;
  if constexpr (kCell == Cell::tanh) {
    gate[0] = state = tanhf(x[0] + p[0]);
  } else if constexpr (kCell == Cell::gru) {
    const float last = value_before(f.before, i, row, h, c), product = p[2] + f.bias[c];
    const float reset = sigmoid(x[0] + p[0]), keep = sigmoid(x[1] + p[1]), fresh = tanhf(x[2] + reset * product);
    gate[0] = reset;
    gate[h] = keep;
    gate[2 * h] = fresh;
    f.extra[at] = product;
    state = fresh + keep * (last - fresh);
  } else {
    const float last = value_before(f.before, i, row, h, c);
    const float in = sigmoid(x[0] + p[0]), forget = sigmoid(x[1] + p[1]);
    const float fresh = tanhf(x[2] + p[2]), open = sigmoid(x[3] + p[3]), memory = forget * last + in * fresh;
    gate[0] = in;
    gate[h] = forget;
    gate[2 * h] = fresh;
    gate[3 * h] = open;
    f.extra[at] = memory;
    state = open * tanhf(memory);
  }
  f.states[at] = state;
  f.masked[i * h + c] = f.factors ? state * f.factors[i * h + c] : state;
  if (f.shown) f.shown[i * f.shown_ld + c] = state;
}

template <Cell kCell>
__global__ void __launch_bounds__(kThreads) backward_kernel(CellBackward f) {
  constexpr int64_t kGates = gates_of(kCell);
  const int64_t i = blockIdx.x, c = static_cast<int64_t>(blockIdx.y) * kThreads + threadIdx.x, h = f.h;
  if (c >= h) return;
  const int64_t row = f.rows[i], at = row * h + c, own = i * h + c, wide = row * kGates * h + c,
                step = i * kGates * h + c;
  float d = f.d_state[own], gate[kGates], d_gate[kGates];
  if (f.d_states) d += f.d_states[at];
  if (f.more) d += f.more[i * f.more_ld + c];
  if (i < f.pulled_rows) d += f.pulled[own] * f.factors[own];
#pragma unroll
  for (int64_t g = 0; g < kGates; ++g) gate[g] = f.gates[wide + g * h];
  if constexpr (kCell == Cell::tanh) {
    d_gate[0] = d * (1 - gate[0] * gate[0]);
    f.d_product[step] = d_gate[0];
    f.d_state[own] = 0;
  } else if constexpr (kCell == Cell::gru) {
    const float last = value_before(f.before, i, row, h, c), reset = gate[0], keep = gate[1], fresh = gate[2];
    d_gate[2] = d * (1 - keep) * (1 - fresh * fresh);
    d_gate[1] = d * (last - fresh) * keep * (1 - keep);
    d_gate[0] = d_gate[2] * f.extra[at] * reset * (1 - reset);
    f.d_product[step] = d_gate[0];
    f.d_product[step + h] = d_gate[1];
    f.d_product[step + 2 * h] = f.extra[at] = d_gate[2] * reset;
    f.d_state[own] = d * keep;
  } else {
    const float last = value_before(f.before, i, row, h, c), in = gate[0], forget = gate[1], fresh = gate[2],
                open = gate[3];
    const float shown = tanhf(f.extra[at]);
    float d_memory = f.d_memory[own] + d * open * (1 - shown * shown);
    if (f.d_extra) d_memory += f.d_extra[at];
    d_gate[0] = d_memory * fresh * in * (1 - in);
    d_gate[1] = d_memory * last * forget * (1 - forget);
    d_gate[2] = d_memory * in * (1 - fresh * fresh);
    d_gate[3] = d * shown * open * (1 - open);
#pragma unroll
    for (int64_t g = 0; g < kGates; ++g) f.d_product[step + g * h] = d_gate[g];
    f.d_memory[own] = d_memory * forget;
    f.d_state[own] = 0;
  }
#pragma unroll
  for (int64_t g = 0; g < kGates; ++g) {
    f.d_gates[wide + g * h] = d_gate[g];
    if (kCell == Cell::gru && f.d_input) f.d_input[step + g * h] = d_gate[g];
  }
}

dim3 grid_of(int64_t rows, int64_t n) {
  return {static_cast<unsigned>(rows), static_cast<unsigned>((n + kThreads - 1) / kThreads)};
}

}  // namespace

void queue_cell_forward(Context& context, Cell cell, const CellForward& f, int64_t active) {
  auto* kernel = cell == Cell::tanh  ? forward_kernel<Cell::tanh>
                 : cell == Cell::gru ? forward_kernel<Cell::gru>
                                     : forward_kernel<Cell::lstm>;
  context.launch("a recurrent step", grid_of(active, f.h), kThreads, 0, kernel, f);
}

void queue_cell_backward(Context& context, Cell cell, const CellBackward& f, int64_t active) {
  auto* kernel = cell == Cell::tanh  ? backward_kernel<Cell::tanh>
                 : cell == Cell::gru ? backward_kernel<Cell::gru>
                                     : backward_kernel<Cell::lstm>;
  context.launch("a recurrent step backward", grid_of(active, f.h), kThreads, 0, kernel, f);
}

}  // namespace storm::cuda
