#include "ops/linear.h"

#include <tuple>
#include <vector>

#include "base/error.h"
#include "base/parallel.h"
#include "cpu/gemm.h"
#include "cpu/simd.h"
#include "ops/column_sums.h"
#include "ops/dropout.h"
#include "tensor/execution.h"

namespace storm {

namespace {

using Attributes = LinearAttributes;

constexpr int64_t kRowGrain = 16;

// y: [rows, n] holds x W^T; b: [n] or null.
STORM_CLONES void add_bias(float* y, const float* b, int64_t rows, int64_t n) {
  for (int64_t r = 0; r < rows; ++r) {
    float* row = y + r * n;
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) row[i] += b[i];
  }
}

STORM_CLONES void add_bias_relu(float* y, const float* b, int64_t rows, int64_t n) {
  for (int64_t r = 0; r < rows; ++r) {
    float* row = y + r * n;
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) {
      const float z = row[i] + (b ? b[i] : 0.0f);
      row[i] = 0.0f > z ? 0.0f : z;  // a NaN stays one: it must be found, not swallowed
    }
  }
}

// z: [rows, n] holds x W^T and gets the bias; y = gelu(z). Both may be the same memory.
STORM_CLONES void add_bias_gelu(float* z, float* y, const float* b, int64_t rows, int64_t n) {
  for (int64_t r = 0; r < rows; ++r) {
    float *sum = z + r * n, *out = y + r * n;
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) {
      const float s = sum[i] + (b ? b[i] : 0.0f);
      sum[i] = s;
      out[i] = s * simd::normal_cdf(s).value;
    }
  }
}

STORM_CLONES void add_bias_gelu_tanh(float* z, float* y, const float* b, int64_t rows, int64_t n) {
  for (int64_t r = 0; r < rows; ++r) {
    float *sum = z + r * n, *out = y + r * n;
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) {
      const float s = sum[i] + (b ? b[i] : 0.0f);
      sum[i] = s;
      out[i] = s * simd::normal_cdf_by_tanh(s).value;
    }
  }
}

STORM_CLONES void add_bias_swish(float* z, float* y, const float* b, int64_t rows, int64_t n) {
  for (int64_t r = 0; r < rows; ++r) {
    float *sum = z + r * n, *out = y + r * n;
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) {
      const float s = sum[i] + (b ? b[i] : 0.0f);
      sum[i] = s;
      out[i] = simd::swish(s).value;
    }
  }
}

STORM_CLONES void add_bias_tanh(float* y, const float* b, int64_t rows, int64_t n) {
  for (int64_t r = 0; r < rows; ++r) {
    float* row = y + r * n;
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) row[i] = simd::tanh(row[i] + (b ? b[i] : 0.0f));
  }
}

// ReLU with dropout leaves 0 where either closed: y > 0 tells all that backward needs.
STORM_CLONES void relu_backward(float* dy, const float* y, float scale, int64_t size) {
#pragma omp simd
  for (int64_t i = 0; i < size; ++i) dy[i] = y[i] > 0 ? dy[i] * scale : 0.0f;
}

STORM_CLONES void tanh_backward(float* dy, const float* y, int64_t size) {
#pragma omp simd
  for (int64_t i = 0; i < size; ++i) dy[i] *= 1 - y[i] * y[i];
}

STORM_CLONES void gelu_backward(float* dy, const float* z, int64_t size) {
#pragma omp simd
  for (int64_t i = 0; i < size; ++i) {
    const simd::ValueAndSlope phi = simd::normal_cdf(z[i]);
    dy[i] *= phi.value + z[i] * phi.slope;
  }
}

STORM_CLONES void gelu_tanh_backward(float* dy, const float* z, int64_t size) {
#pragma omp simd
  for (int64_t i = 0; i < size; ++i) {
    const simd::ValueAndSlope phi = simd::normal_cdf_by_tanh(z[i]);
    dy[i] *= phi.value + z[i] * phi.slope;
  }
}

STORM_CLONES void swish_backward(float* dy, const float* z, int64_t size) {
#pragma omp simd
  for (int64_t i = 0; i < size; ++i) dy[i] *= simd::swish(z[i]).slope;
}

void forward(const Execution& run, const Node& node) {
  const auto attributes = node.attributes<Attributes>();
  const Activation activation = attributes.activation;
  const auto [x, weight, bias] = std::tuple(node.inputs[0], node.inputs[1], node.inputs[2]);
  const int64_t rows = run.shape(x).rows, in = run.shape(x).cols, n = run.shape(weight).rows;
  float* y = run.data(node.outputs[0]);
  float* kept = run.data_or_null(node.outputs[1]);
  float* z = kept ? kept : y;
  const float* b = run.data_or_null(bias);
  gemm(false, true, rows, n, in, 1, run.data(x), in, run.data(weight), in, 0, z, n);
  const DropoutStream stream(run.philox().seed, run.batch(), node.number, run.gradients() ? attributes.dropout : 0);
  parallel_ranges(rows, kRowGrain, [&](int64_t begin, int64_t end) {
    float* part = y + begin * n;
    switch (activation) {
      case Activation::none:
        if (b) add_bias(part, b, end - begin, n);
        break;
      case Activation::relu:
        add_bias_relu(part, b, end - begin, n);
        break;
      case Activation::gelu:
        add_bias_gelu(z + begin * n, part, b, end - begin, n);
        break;
      case Activation::gelu_tanh:
        add_bias_gelu_tanh(z + begin * n, part, b, end - begin, n);
        break;
      case Activation::swish:
        add_bias_swish(z + begin * n, part, b, end - begin, n);
        break;
      case Activation::tanh:
        add_bias_tanh(part, b, end - begin, n);
        break;
    }
    if (stream.active()) {
      auto factors = factors_for(stream, n);
      mask_rows(part, stream, begin, end - begin, n, factors.data());
    }
  });
}

void backward(const Execution& run, const Node& node) {
  const auto attributes = node.attributes<Attributes>();
  const Activation activation = attributes.activation;
  const auto [x, weight, bias] = std::tuple(node.inputs[0], node.inputs[1], node.inputs[2]);
  const int64_t rows = run.shape(x).rows, in = run.shape(x).cols, n = run.shape(weight).rows;
  float* dy = run.gradient(node.outputs[0]);
  const DropoutStream stream(run.philox().seed, run.batch(), node.number, attributes.dropout);
  if (activation != Activation::none || stream.active())
    parallel_ranges(rows, kRowGrain, [&](int64_t begin, int64_t end) {
      float* part = dy + begin * n;
      const int64_t size = (end - begin) * n;
      if (activation == Activation::relu) {
        relu_backward(part, run.data(node.outputs[0]) + begin * n, stream.scale, size);
        return;
      }
      if (activation == Activation::tanh) return tanh_backward(part, run.data(node.outputs[0]) + begin * n, size);
      if (stream.active()) {
        auto factors = factors_for(stream, n);
        mask_rows(part, stream, begin, end - begin, n, factors.data());
      }
      if (activation == Activation::gelu) gelu_backward(part, run.data(node.outputs[1]) + begin * n, size);
      if (activation == Activation::gelu_tanh) gelu_tanh_backward(part, run.data(node.outputs[1]) + begin * n, size);
      if (activation == Activation::swish) swish_backward(part, run.data(node.outputs[1]) + begin * n, size);
    });
  static thread_local Buffer memory[2];
  const Operand slopes = operand(dy, rows, n, memory[0]);
  if (float* dx = run.gradient(x))
    gemm(false, false, rows, in, n, slopes, operand(run.data(weight), n, in, memory[1]), run.beta(node, 0), dx, in);
  if (float* dw = run.gradient(weight))
    gemm(true, false, n, in, rows, slopes, operand(run.data(x), rows, in, memory[1]), run.beta(node, 1), dw, in);
  if (float* db = run.gradient(bias)) add_column_sums(db, run.beta(node, 2), dy, rows, n, n);
}

constexpr Op kLinear{"linear", forward, backward};

}  // namespace

Value linear(Graph& graph, Value x, Value weight, Value bias, Activation activation, float dropout) {
  const Shape in = graph.shape(x), w = graph.shape(weight);
  require(in.cols == w.cols, "linear: input is ", in.cols, " wide, the weight takes ", w.cols);
  require(!bias || graph.shape(bias).size() == w.rows, "linear: the bias does not fit the weight");
  require(activation != Activation::tanh || dropout == 0, "linear: tanh goes without dropout");
  Node node{.op = &kLinear, .inputs = {x, weight, bias}};
  node.keep_inputs = 0b011;
  const Shape out{in.rows, w.rows};
  const Attributes attributes{activation, dropout};
  if (keeps_sum(activation) && graph.gradients()) {
    node.keep_outputs = 0b10;
    return graph.record(node, {{out}, {out}}, attributes);
  }
  node.keep_outputs = activation == Activation::none ? 0 : 0b01;
  return graph.record(node, {{out}}, attributes);
}

}  // namespace storm
