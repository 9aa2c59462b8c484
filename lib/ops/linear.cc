#include "ops/linear.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <vector>

#include "base/error.h"
#include "base/parallel.h"
#include "cpu/gemm.h"
#include "cpu/packed_product.h"
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

// The places of a low-rank update's matrices, for one of its parts after another.
struct LowRankPart {
  int64_t columns;         // where it begins among the sum's
  int64_t count;           // of these columns
  int64_t inner;           // where its columns of u A^T begin
  std::ptrdiff_t b_begin;  // of its B among all
};
template <class Body>
void for_parts(const Attributes& f, Body&& body) {
  std::ptrdiff_t b_begin = 0;
  for (int32_t p = 0; p < f.parts; ++p) {
    body(LowRankPart{f.part[p].first, f.part[p].count, int64_t{p} * f.rank, b_begin});
    b_begin += std::ptrdiff_t{f.part[p].count} * f.rank;
  }
}

// z += s (u A^T) B^T
void add_low_rank(const Execution& run, const Node& node, const Attributes& f, float* z, int64_t n) {
  const auto [u, a, b] = std::tuple(node.inputs[3], node.inputs[4], node.inputs[5]);
  const Shape shape = run.shape(u);
  const int64_t inner = int64_t{f.parts} * f.rank;
  float* ua = run.data(node.outputs[node.outputs[2] ? 2 : 1]);
  gemm(false, true, shape.rows, inner, shape.cols, 1, run.data(u), shape.cols, run.data(a), shape.cols, 0, ua, inner);
  for_parts(f, [&](const LowRankPart& p) {
    gemm(false, true, shape.rows, p.count, f.rank, f.scale, ua + p.inner, inner, run.data(b) + p.b_begin, f.rank, 1,
         z + p.columns, n);
  });
}

// From dz on to u, A and B.
void low_rank_backward(const Execution& run, const Node& node, const Attributes& f, const float* dz, int64_t n) {
  const auto [u, a, b] = std::tuple(node.inputs[3], node.inputs[4], node.inputs[5]);
  const Shape shape = run.shape(u);
  const int64_t inner = int64_t{f.parts} * f.rank;
  const float* ua = run.data(node.outputs[node.outputs[2] ? 2 : 1]);
  float *d_ua = run.scratch_backward(node), *db = run.gradient(b);
  for_parts(f, [&](const LowRankPart& p) {
    gemm(false, false, shape.rows, f.rank, p.count, f.scale, dz + p.columns, n, run.data(b) + p.b_begin, f.rank, 0,
         d_ua + p.inner, inner);
    if (db)
      gemm(true, false, p.count, f.rank, shape.rows, f.scale, dz + p.columns, n, ua + p.inner, inner, run.beta(node, 5),
           db + p.b_begin, f.rank);
  });
  if (float* da = run.gradient(a))
    gemm(true, false, inner, shape.cols, shape.rows, 1, d_ua, inner, run.data(u), shape.cols, run.beta(node, 4), da,
         shape.cols);
  if (float* du = run.gradient(u))
    gemm(false, false, shape.rows, shape.cols, inner, 1, d_ua, inner, run.data(a), shape.cols, run.beta(node, 3), du,
         shape.cols);
}

void forward(const Execution& run, const Node& node) {
  const auto attributes = node.attributes<Attributes>();
  const Activation activation = attributes.activation;
  const auto [x, weight, bias] = std::tuple(node.inputs[0], node.inputs[1], node.inputs[2]);
  const int64_t rows = run.shape(x).rows, in = run.shape(x).cols, n = run.shape(weight).rows;
  float* y = run.data(node.outputs[0]);
  float* z = keeps_sum(activation) && run.gradients() ? run.data(node.outputs[1]) : y;
  const float* b = run.data_or_null(bias);
  const Operand w = weight_operand(run, weight);
  if (w.packed && attributes.rank == 0 && (activation == Activation::none || activation == Activation::relu))
    return packed_product(rows, in, run.data(x), in, *w.packed, 0, {.bias = b, .relu = activation == Activation::relu},
                          y, n);
  gemm(false, true, rows, n, in, {run.data(x), in}, w, 0, z, n);
  if (attributes.rank > 0) add_low_rank(run, node, attributes, z, n);
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
  if (attributes.rank > 0) low_rank_backward(run, node, attributes, dy, n);
}

constexpr Op kLinear{.name = "linear", .forward = forward, .backward = backward, .packed_weights = true};

// The shape of u A^T.
Shape set_low_rank(Attributes& f, const LowRank& low_rank, const Graph& graph, Shape x, Shape weight) {
  const Shape a = graph.shape(low_rank.a), b = graph.shape(low_rank.b);
  const auto parts = static_cast<int64_t>(low_rank.parts.size());
  require(graph.shape(low_rank.x) == x && parts > 0 && low_rank.parts.size() <= LowRank::kParts && a.cols == x.cols &&
              a.rows == parts * b.cols,
          "linear: a low-rank update of [", a.rows, ", ", a.cols, "] and [", b.rows, ", ", b.cols, "] in ", parts,
          " parts does not fit an input of [", x.rows, ", ", x.cols, "]");
  int64_t columns = 0, end = 0;
  for (const auto& part : low_rank.parts) {
    require(part.first >= end, "linear: the parts of a low-rank update are out of order");
    columns += part.count;
    end = part.first + part.count;
  }
  require(columns == b.rows && end <= weight.rows, "linear: a low-rank update of other columns than the sum has");
  f.rank = static_cast<int32_t>(b.cols);
  f.parts = static_cast<int32_t>(parts);
  std::ranges::copy(low_rank.parts, f.part);
  return {x.rows, a.rows};
}

}  // namespace

Value linear(Graph& graph, Value x, Value weight, Value bias, Activation activation, float dropout,
             const LowRank* low_rank) {
  const Shape in = graph.shape(x), w = graph.shape(weight);
  require(in.cols == w.cols, "linear: input is ", in.cols, " wide, the weight takes ", w.cols);
  require(!bias || graph.shape(bias).size() == w.rows, "linear: the bias does not fit the weight");
  require(activation != Activation::tanh || dropout == 0, "linear: tanh goes without dropout");
  Node node{.op = &kLinear, .inputs = {x, weight, bias}};
  node.keep_inputs = graph[weight].needs_gradient ? 0b011 : 0b010;
  Attributes attributes{activation, dropout};
  const Shape out{in.rows, w.rows};
  Shape inner;
  if (low_rank) {
    std::ranges::copy(std::array{low_rank->x, low_rank->a, low_rank->b}, node.inputs.begin() + 3);
    attributes.scale = low_rank->scale;
    inner = set_low_rank(attributes, *low_rank, graph, in, w);
    node.keep_inputs |= 0b111000;
    node.scratch_backward = static_cast<std::size_t>(inner.size()) * sizeof(float);
  }
  const bool keeps = keeps_sum(activation) && graph.gradients();
  node.keep_outputs = keeps ? 0b10 : activation == Activation::none ? 0 : 0b01;
  if (!low_rank)
    return keeps ? graph.record(node, {{out}, {out}}, attributes) : graph.record(node, {{out}}, attributes);
  node.keep_outputs |= keeps ? 0b100 : 0b010;
  return keeps ? graph.record(node, {{out}, {out}, {inner}}, attributes)
               : graph.record(node, {{out}, {inner}}, attributes);
}

}  // namespace storm
