// Recurrent cells in plain double precision, a token at a time.
#pragma once

#include <cmath>

#include "ops/cells.h"
#include "tests/ops/check.h"

namespace storm::test {

inline double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// y = W x; w: [rows, x.size()] from element `at` on.
inline Doubles times(const Doubles& w, const Doubles& x, std::size_t rows) {
  Doubles y(rows, 0.0);
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t i = 0; i < x.size(); ++i) y[r] += w[r * x.size() + i] * x[i];
  return y;
}

// One step: x [gates * h] is the input's part of the gates; h and c are replaced by the next ones.
inline void cell_step(Cell cell, const Doubles& x, const Doubles& weight, const Doubles& bias, Doubles& h, Doubles& c) {
  const std::size_t n = h.size();
  const Doubles p = times(weight, h, x.size());
  for (std::size_t i = 0; i < n; ++i) {
    if (cell == Cell::tanh) {
      h[i] = std::tanh(x[i] + p[i]);
    } else if (cell == Cell::gru) {
      const double r = sigmoid(x[i] + p[i]), z = sigmoid(x[n + i] + p[n + i]);
      const double fresh = std::tanh(x[2 * n + i] + r * (p[2 * n + i] + bias[i]));
      h[i] = (1 - z) * fresh + z * h[i];
    } else {
      const double in = sigmoid(x[i] + p[i]), forget = sigmoid(x[n + i] + p[n + i]);
      c[i] = forget * c[i] + in * std::tanh(x[2 * n + i] + p[2 * n + i]);
      h[i] = sigmoid(x[3 * n + i] + p[3 * n + i]) * std::tanh(c[i]);
    }
  }
}

inline Doubles row_of(const Doubles& x, int64_t row, int64_t width) {
  return {x.begin() + row * width, x.begin() + (row + 1) * width};
}

}  // namespace storm::test
