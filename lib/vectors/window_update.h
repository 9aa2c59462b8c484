// The arithmetic of learning word vectors: m inputs meet k outputs, all pairs in one small matrix product (the idea is
// that of Ji, Satish, Li and Dubey, "Parallelizing word2vec in shared and distributed memory", 2016).
#pragma once

#include <cstdint>
#include <vector>

namespace storm {

// Numbers of a row in memory: the width, filled up with zeros to a multiple of 16.
constexpr int64_t row_stride(int64_t width) { return (width + 15) / 16 * 16; }

// A step of gradient descent on the logistic losses of all pairs of a window: with s_ij = x_i . y_j and
// g_ij = rate (label_j - sigmoid(s_ij)), every x_i becomes x_i + sum_j g_ij y_j and every y_j becomes y_j + sum_i g_ij
// x_i, all from the rows as they were. Rows lie anywhere, aligned to 64 bytes, each at one place only.
class WindowUpdate {
 public:
  // stride: of all rows. What is needed for so many of each at once is kept.
  WindowUpdate(int64_t stride, int64_t most_inputs, int64_t most_outputs);

  // labels: [k], 0 or 1.
  void operator()(float* const* inputs, int64_t m, float* const* outputs, int64_t k, const float* labels, float rate);

  // The loss of the last call before its step, -log of the probability of the labels, summed over its pairs.
  double loss(int64_t m, int64_t k, float rate) const;

 private:
  int64_t stride_;
  std::vector<float> slopes_;   // g_ij, [m, k]
  std::vector<float> columns_;  // sixteen columns of every input
};

}  // namespace storm
