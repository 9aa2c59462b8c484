#include "ops/cells.h"

#include "cpu/simd.h"

namespace storm {

namespace {

STORM_CLONES void tanh_forward(const CellForward& f, int64_t begin, int64_t end) {
  const int64_t h = f.h;
  for (int64_t r = begin; r < end; ++r) {
    const int64_t at = f.rows[r] * h;
    const float *x = f.x + at, *p = f.product + r * h;
    float *gate = f.gates + at, *state = f.state + r * h, *out = f.states + at;
#pragma omp simd
    for (int64_t i = 0; i < h; ++i) gate[i] = state[i] = out[i] = simd::tanh(x[i] + p[i]);
  }
}

STORM_CLONES void gru_forward(const CellForward& f, int64_t begin, int64_t end) {
  const int64_t h = f.h;
  const float* bias = f.bias;
  for (int64_t r = begin; r < end; ++r) {
    const int64_t at = f.rows[r] * h;
    const float *x = f.x + 3 * at, *p = f.product + r * 3 * h;
    float *gate = f.gates + 3 * at, *state = f.state + r * h, *out = f.states + at, *q = f.extra + at;
#pragma omp simd
    for (int64_t i = 0; i < h; ++i) {
      const float reset = simd::sigmoid(x[i] + p[i]), keep = simd::sigmoid(x[h + i] + p[h + i]);
      const float product = p[2 * h + i] + bias[i], fresh = simd::tanh(x[2 * h + i] + reset * product);
      gate[i] = reset;
      gate[h + i] = keep;
      gate[2 * h + i] = fresh;
      q[i] = product;
      state[i] = out[i] = fresh + keep * (state[i] - fresh);
    }
  }
}

STORM_CLONES void lstm_forward(const CellForward& f, int64_t begin, int64_t end) {
  const int64_t h = f.h;
  for (int64_t r = begin; r < end; ++r) {
    const int64_t at = f.rows[r] * h;
    const float *x = f.x + 4 * at, *p = f.product + r * 4 * h;
    float *gate = f.gates + 4 * at, *state = f.state + r * h, *out = f.states + at;
    float *memory = f.memory + r * h, *extra = f.extra + at;
#pragma omp simd
    for (int64_t i = 0; i < h; ++i) {
      const float in = simd::sigmoid(x[i] + p[i]), forget = simd::sigmoid(x[h + i] + p[h + i]);
      const float fresh = simd::tanh(x[2 * h + i] + p[2 * h + i]), open = simd::sigmoid(x[3 * h + i] + p[3 * h + i]);
      const float c = forget * memory[i] + in * fresh;
      gate[i] = in;
      gate[h + i] = forget;
      gate[2 * h + i] = fresh;
      gate[3 * h + i] = open;
      memory[i] = extra[i] = c;
      state[i] = out[i] = open * simd::tanh(c);
    }
  }
}

// d_state and d_memory take in what came to this step's outputs from elsewhere.
STORM_INLINE void take_in(float* d, const float* more, int64_t h) {
  if (more) {
#pragma omp simd
    for (int64_t i = 0; i < h; ++i) d[i] += more[i];
  }
}

STORM_CLONES void tanh_backward(const CellBackward& f, int64_t begin, int64_t end) {
  const int64_t h = f.h;
  for (int64_t r = begin; r < end; ++r) {
    const int64_t at = f.rows[r] * h;
    const float* gate = f.gates + at;
    float *d = f.d_state + r * h, *d_gate = f.d_gates + at, *d_product = f.d_product + r * h;
    take_in(d, f.d_states ? f.d_states + at : nullptr, h);
#pragma omp simd
    for (int64_t i = 0; i < h; ++i) {
      d_product[i] = d_gate[i] = d[i] * (1 - gate[i] * gate[i]);
      d[i] = 0;
    }
  }
}

STORM_CLONES void gru_backward(const CellBackward& f, int64_t begin, int64_t end) {
  const int64_t h = f.h;
  for (int64_t r = begin; r < end; ++r) {
    const int64_t at = f.rows[r] * h;
    const float *gate = f.gates + 3 * at, *before = f.previous[r];
    float *d = f.d_state + r * h, *d_gate = f.d_gates + 3 * at, *d_product = f.d_product + r * 3 * h, *q = f.extra + at;
    take_in(d, f.d_states ? f.d_states + at : nullptr, h);
#pragma omp simd
    for (int64_t i = 0; i < h; ++i) {
      const float reset = gate[i], keep = gate[h + i], fresh = gate[2 * h + i];
      const float d_fresh = d[i] * (1 - keep) * (1 - fresh * fresh);
      const float d_keep = d[i] * (before[i] - fresh) * keep * (1 - keep);
      const float d_reset = d_fresh * q[i] * reset * (1 - reset);
      d_product[i] = d_gate[i] = d_reset;
      d_product[h + i] = d_gate[h + i] = d_keep;
      d_gate[2 * h + i] = d_fresh;
      d_product[2 * h + i] = q[i] = d_fresh * reset;
      d[i] *= keep;
    }
  }
}

STORM_CLONES void lstm_backward(const CellBackward& f, int64_t begin, int64_t end) {
  const int64_t h = f.h;
  for (int64_t r = begin; r < end; ++r) {
    const int64_t at = f.rows[r] * h;
    const float *gate = f.gates + 4 * at, *before = f.previous[r], *extra = f.extra + at;
    float *d = f.d_state + r * h, *dc = f.d_memory + r * h;
    float *d_gate = f.d_gates + 4 * at, *d_product = f.d_product + r * 4 * h;
    take_in(d, f.d_states ? f.d_states + at : nullptr, h);
    take_in(dc, f.d_extra ? f.d_extra + at : nullptr, h);
#pragma omp simd
    for (int64_t i = 0; i < h; ++i) {
      const float in = gate[i], forget = gate[h + i], fresh = gate[2 * h + i], open = gate[3 * h + i];
      const float shown = simd::tanh(extra[i]), d_c = dc[i] + d[i] * open * (1 - shown * shown);
      d_product[i] = d_gate[i] = d_c * fresh * in * (1 - in);
      d_product[h + i] = d_gate[h + i] = d_c * before[i] * forget * (1 - forget);
      d_product[2 * h + i] = d_gate[2 * h + i] = d_c * in * (1 - fresh * fresh);
      d_product[3 * h + i] = d_gate[3 * h + i] = d[i] * shown * open * (1 - open);
      dc[i] = d_c * forget;
      d[i] = 0;
    }
  }
}

STORM_CLONES void copy_rows(const CellBackward& f, int64_t width, int64_t begin, int64_t end) {
  for (int64_t r = begin; r < end; ++r) {
    const float* from = f.d_gates + f.rows[r] * width;
    float* to = f.d_input + r * width;
#pragma omp simd
    for (int64_t i = 0; i < width; ++i) to[i] = from[i];
  }
}

}  // namespace

void cell_forward(Cell cell, const CellForward& f, int64_t begin, int64_t end) {
  (cell == Cell::tanh ? tanh_forward : cell == Cell::gru ? gru_forward : lstm_forward)(f, begin, end);
}

void cell_backward(Cell cell, const CellBackward& f, int64_t begin, int64_t end) {
  (cell == Cell::tanh ? tanh_backward : cell == Cell::gru ? gru_backward : lstm_backward)(f, begin, end);
  if (f.d_input) copy_rows(f, gates_of(cell) * f.h, begin, end);
}

}  // namespace storm
