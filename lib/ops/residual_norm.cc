#include "ops/residual_norm.h"

#include <algorithm>
#include <tuple>
#include <vector>

#include "base/error.h"
#include "base/parallel.h"
#include "ops/column_sums.h"
#include "ops/dropout.h"
#include "tensor/execution.h"

namespace storm {

namespace {

using Attributes = ResidualNormAttributes;

constexpr int64_t kRowGrain = 16;
// The gradients of gain and bias are summed over blocks of this many rows, then over the blocks in their order, so that
// threads do not change the bits.
constexpr int64_t kBlock = kResidualNormBlock;
int64_t blocks_of(int64_t rows) { return std::max<int64_t>((rows + kBlock - 1) / kBlock, 1); }

struct Row {
  float mean, rstd;  // of the sum, what backward needs to know
};

struct Forward {
  const float *x, *h;  // [rows, n]; h may be null, and then so is sum
  float* sum;          // may lie where h does
  const float *gain, *bias;
  float* y;    // may lie where x does when h is null
  Row* stats;  // null: nobody wants them
  int64_t n;
  float epsilon;
};

STORM_CLONES void forward_rows(const Forward& f, const DropoutStream& stream, int64_t begin, int64_t end,
                               float* factors) {
  const int64_t n = f.n;
  const float *gain = f.gain, *bias = f.bias;
  const float width = static_cast<float>(n);
  for (int64_t r = begin; r < end; ++r) {
    const float* s = f.x + r * n;
    float total = 0;
    if (f.h) {
      const float *x = s, *h = f.h + r * n;
      float* sum = f.sum + r * n;
      if (factors) {
        dropout_row(stream, r, n, factors);
#pragma omp simd reduction(+ : total)
        for (int64_t i = 0; i < n; ++i) total += sum[i] = x[i] + factors[i] * h[i];
      } else {
#pragma omp simd reduction(+ : total)
        for (int64_t i = 0; i < n; ++i) total += sum[i] = x[i] + h[i];
      }
      s = sum;
    } else {
#pragma omp simd reduction(+ : total)
      for (int64_t i = 0; i < n; ++i) total += s[i];
    }
    // The variance from the deviations, not from the squares: f32 would lose it where the mean is large. The row is in
    // the nearest cache.
    const float mean = total / width;
    float squares = 0;
#pragma omp simd reduction(+ : squares)
    for (int64_t i = 0; i < n; ++i) squares += (s[i] - mean) * (s[i] - mean);
    const float rstd = 1 / __builtin_sqrtf(squares / width + f.epsilon);
    float* y = f.y + r * n;
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) y[i] = (s[i] - mean) * rstd * gain[i] + bias[i];
    if (f.stats) f.stats[r] = {mean, rstd};
  }
}

struct Backward {
  const float* s;           // [rows, n]: what was normalised
  const Row* stats;         // [rows]
  float *d_normed, *d_sum;  // either may be null; overwritten
  const float* gain;        // [n]
  float *dx, *dh;           // either may be null
  float beta_x, beta_h;     // 1: add, 0: overwrite
  int64_t n;
};

// d_gain, d_bias: [n] each, the sums over these rows.
STORM_CLONES void backward_rows(const Backward& f, const DropoutStream& stream, int64_t begin, int64_t end,
                                float* factors, float* d_gain, float* d_bias) {
  const int64_t n = f.n;
  const float* gain = f.gain;
  for (int64_t i = 0; i < n; ++i) d_gain[i] = d_bias[i] = 0;
  for (int64_t r = begin; r < end; ++r) {
    float* ds = f.d_sum ? f.d_sum + r * n : nullptr;
    if (f.d_normed) {
      const float *s = f.s + r * n, *more = ds;
      const float mean = f.stats[r].mean, rstd = f.stats[r].rstd;
      ds = f.d_normed + r * n;
      float direct = 0, along = 0;
#pragma omp simd reduction(+ : direct, along)
      for (int64_t i = 0; i < n; ++i) {
        const float normal = (s[i] - mean) * rstd, d = ds[i];
        d_bias[i] += d;
        d_gain[i] += d * normal;
        direct += d * gain[i];
        along += d * gain[i] * normal;
      }
      direct /= static_cast<float>(n);
      along /= static_cast<float>(n);
      if (more) {
#pragma omp simd
        for (int64_t i = 0; i < n; ++i)
          ds[i] = (ds[i] * gain[i] - direct - (s[i] - mean) * rstd * along) * rstd + more[i];
      } else {
#pragma omp simd
        for (int64_t i = 0; i < n; ++i) ds[i] = (ds[i] * gain[i] - direct - (s[i] - mean) * rstd * along) * rstd;
      }
    }
    // dx before dh, in loops of their own: they are the same memory when x and h are the same value.
    if (float* dx = f.dx ? f.dx + r * n : nullptr) {
      if (f.beta_x == 0) {
#pragma omp simd
        for (int64_t i = 0; i < n; ++i) dx[i] = ds[i];
      } else {
#pragma omp simd
        for (int64_t i = 0; i < n; ++i) dx[i] += ds[i];
      }
    }
    if (float* dh = f.dh ? f.dh + r * n : nullptr) {
      if (factors) {
        dropout_row(stream, r, n, factors);
#pragma omp simd
        for (int64_t i = 0; i < n; ++i) ds[i] *= factors[i];
      }
      if (f.beta_h == 0) {
#pragma omp simd
        for (int64_t i = 0; i < n; ++i) dh[i] = ds[i];
      } else {
#pragma omp simd
        for (int64_t i = 0; i < n; ++i) dh[i] += ds[i];
      }
    }
  }
}

// Outputs: [sum,] normed [, the rows' statistics].
struct Outputs {
  Value sum, normed, stats;
};

Outputs outputs_of(const Node& node) {
  const bool residual = static_cast<bool>(node.inputs[1]);
  return residual ? Outputs{node.outputs[0], node.outputs[1], node.outputs[2]}
                  : Outputs{{}, node.outputs[0], node.outputs[1]};
}

void forward(const Execution& run, const Node& node) {
  const auto attributes = node.attributes<Attributes>();
  const auto [x, h, gain, bias] = std::tuple(node.inputs[0], node.inputs[1], node.inputs[2], node.inputs[3]);
  const Outputs out = outputs_of(node);
  const Forward f{.x = run.data(x),
                  .h = run.data_or_null(h),
                  .sum = run.data_or_null(out.sum),
                  .gain = run.data(gain),
                  .bias = run.data(bias),
                  .y = run.data(out.normed),
                  .stats = run.data_or_null<Row>(out.stats),
                  .n = run.shape(x).cols,
                  .epsilon = attributes.epsilon};
  const DropoutStream stream(run.philox().seed, run.batch(), node.number,
                             run.gradients() && h ? attributes.dropout : 0);
  parallel_ranges(run.shape(x).rows, kRowGrain, [&](int64_t begin, int64_t end) {
    auto factors = factors_for(stream, f.n);
    forward_rows(f, stream, begin, end, stream.active() ? factors.data() : nullptr);
  });
}

void backward(const Execution& run, const Node& node) {
  const auto attributes = node.attributes<Attributes>();
  const auto [x, h, gain, bias] = std::tuple(node.inputs[0], node.inputs[1], node.inputs[2], node.inputs[3]);
  const Outputs out = outputs_of(node);
  const Backward f{.s = run.data(out.sum ? out.sum : x),
                   .stats = run.data<Row>(out.stats),
                   .d_normed = run.gradient(out.normed),
                   .d_sum = run.gradient(out.sum),
                   .gain = run.data(gain),
                   .dx = run.gradient(x),
                   .dh = run.gradient(h),
                   .beta_x = run.beta(node, 0),
                   .beta_h = run.beta(node, 1),
                   .n = run.shape(x).cols};
  const DropoutStream stream(run.philox().seed, run.batch(), node.number, h ? attributes.dropout : 0);
  const int64_t rows = run.shape(x).rows, n = f.n, blocks = blocks_of(rows);
  float* parts = run.scratch_backward(node);  // [blocks, 2, n]
  parallel_ranges(blocks, 1, [&](int64_t first, int64_t last) {
    auto factors = factors_for(stream, n);
    for (int64_t b = first; b < last; ++b) {
      float* part = parts + b * 2 * n;
      backward_rows(f, stream, b * kBlock, std::min(rows, (b + 1) * kBlock), stream.active() ? factors.data() : nullptr,
                    part, part + n);
    }
  });
  if (float* d = run.gradient(gain)) add_column_sums(d, run.beta(node, 2), parts, blocks, n, 2 * n);
  if (float* d = run.gradient(bias)) add_column_sums(d, run.beta(node, 3), parts + n, blocks, n, 2 * n);
}

constexpr Op kResidualNorm{"residual_norm", forward, backward};

}  // namespace

ResidualNorm residual_norm(Graph& graph, Value x, Value h, Value gain, Value bias, float epsilon, float dropout) {
  const Shape shape = graph.shape(x);
  require(!h || graph.shape(h) == shape, "residual_norm: x and h differ in shape");
  require(graph.shape(gain).size() == shape.cols && graph.shape(bias).size() == shape.cols,
          "residual_norm: the rows are ", shape.cols, " wide, the gain ", graph.shape(gain).size(), ", the bias ",
          graph.shape(bias).size());
  Node node{.op = &kResidualNorm, .inputs = {x, h, gain, bias}};
  node.scratch_backward = static_cast<std::size_t>(blocks_of(shape.rows) * 2 * shape.cols) * sizeof(float);
  node.in_place = h ? 1 : 0;
  node.keep_inputs = h ? 0b0100 : 0b0101;  // the gain; x where it is what was normalised
  node.keep_outputs = h ? 0b101 : 0b10;    // the sum; the statistics
  const Shape stats{shape.rows, 2};
  const Attributes attributes{epsilon, dropout};
  if (h) {
    const Value sum = graph.gradients() ? graph.record(node, {{shape}, {shape}, {stats}}, attributes)
                                        : graph.record(node, {{shape}, {shape}}, attributes);
    return {sum, graph.producer(sum).outputs[1]};
  }
  return {x, graph.gradients() ? graph.record(node, {{shape}, {stats}}, attributes)
                               : graph.record(node, {{shape}}, attributes)};
}

}  // namespace storm
