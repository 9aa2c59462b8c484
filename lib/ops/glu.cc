#include "ops/glu.h"

#include <algorithm>
#include <tuple>

#include "base/error.h"
#include "base/parallel.h"
#include "cpu/simd.h"
#include "ops/column_sums.h"
#include "tensor/execution.h"

namespace storm {

namespace {

using Attributes = GluAttributes;

constexpr int64_t kRowGrain = 16;
// The bias's gradient is summed over blocks of this many rows, then over the blocks in their order, so that threads do
// not change the bits.
constexpr int64_t kBlock = kGluBlock;
int64_t blocks_of(int64_t rows) { return (rows + kBlock - 1) / kBlock; }

struct Forward {
  const float *z, *bias, *residual;  // residual may be null
  float* y;                          // may lie where the residual does
  int64_t n;
  float scale;
};

STORM_CLONES void forward_rows(const Forward& f, int64_t begin, int64_t end) {
  const int64_t n = f.n;
  const float *bias = f.bias, scale = f.scale;
  for (int64_t r = begin; r < end; ++r) {
    const float* z = f.z + r * 2 * n;
    float* y = f.y + r * n;
    if (f.residual) {
      const float* residual = f.residual + r * n;
#pragma omp simd
      for (int64_t i = 0; i < n; ++i)
        y[i] = scale * ((z[i] + bias[i]) * simd::sigmoid(z[n + i] + bias[n + i]) + residual[i]);
    } else {
#pragma omp simd
      for (int64_t i = 0; i < n; ++i) y[i] = scale * ((z[i] + bias[i]) * simd::sigmoid(z[n + i] + bias[n + i]));
    }
  }
}

struct Backward {
  const float *z, *bias, *dy;
  float *dz, *residual;  // gradients; either may be null
  float beta_z, beta_residual;
  int64_t n;
  float scale;
};

// d_bias: [2 n], the sums over these rows.
STORM_CLONES void backward_rows(const Backward& f, int64_t begin, int64_t end, float* d_bias) {
  const int64_t n = f.n;
  const float *bias = f.bias, scale = f.scale;
  for (int64_t i = 0; i < 2 * n; ++i) d_bias[i] = 0;
  for (int64_t r = begin; r < end; ++r) {
    const float *z = f.z + r * 2 * n, *dy = f.dy + r * n;
    float* dz = f.dz ? f.dz + r * 2 * n : nullptr;
    if (dz && f.beta_z == 0) {
#pragma omp simd
      for (int64_t i = 0; i < n; ++i) {
        const float gate = simd::sigmoid(z[n + i] + bias[n + i]), d = scale * dy[i] * gate;
        const float e = d * (z[i] + bias[i]) * (1 - gate);
        d_bias[i] += d;
        d_bias[n + i] += e;
        dz[i] = d;
        dz[n + i] = e;
      }
    } else {
      const float beta = f.beta_z;
      for (int64_t i = 0; i < n; ++i) {
        const float gate = simd::sigmoid(z[n + i] + bias[n + i]), d = scale * dy[i] * gate;
        const float e = d * (z[i] + bias[i]) * (1 - gate);
        d_bias[i] += d;
        d_bias[n + i] += e;
        if (!dz) continue;
        dz[i] = beta * dz[i] + d;
        dz[n + i] = beta * dz[n + i] + e;
      }
    }
    if (!f.residual) continue;
    float* residual = f.residual + r * n;
    if (f.beta_residual == 0) {
#pragma omp simd
      for (int64_t i = 0; i < n; ++i) residual[i] = scale * dy[i];
    } else {
#pragma omp simd
      for (int64_t i = 0; i < n; ++i) residual[i] += scale * dy[i];
    }
  }
}

void forward(const Execution& run, const Node& node) {
  const auto [rows, n] = run.shape(node.outputs[0]);
  const Forward f{.z = run.data(node.inputs[0]),
                  .bias = run.data(node.inputs[1]),
                  .residual = run.data_or_null(node.inputs[2]),
                  .y = run.data(node.outputs[0]),
                  .n = n,
                  .scale = node.attributes<Attributes>().scale};
  parallel_ranges(rows, kRowGrain, [&](int64_t begin, int64_t end) { forward_rows(f, begin, end); });
}

void backward(const Execution& run, const Node& node) {
  const auto [z, bias, residual] = std::tuple(node.inputs[0], node.inputs[1], node.inputs[2]);
  const int64_t rows = run.shape(z).rows, width = run.shape(z).cols, blocks = blocks_of(rows);
  const Backward f{.z = run.data(z),
                   .bias = run.data(bias),
                   .dy = run.gradient(node.outputs[0]),
                   .dz = run.gradient(z),
                   .residual = run.gradient(residual),
                   .beta_z = run.beta(node, 0),
                   .beta_residual = run.beta(node, 2),
                   .n = width / 2,
                   .scale = node.attributes<Attributes>().scale};
  float* parts = run.scratch_backward(node);  // [blocks, 2 n]
  parallel_ranges(blocks, 1, [&](int64_t first, int64_t last) {
    for (int64_t b = first; b < last; ++b)
      backward_rows(f, b * kBlock, std::min(rows, (b + 1) * kBlock), parts + b * width);
  });
  if (float* db = run.gradient(bias)) add_column_sums(db, run.beta(node, 1), parts, blocks, width, width);
}

constexpr Op kGlu{"glu", forward, backward};

}  // namespace

Value glu(Graph& graph, Value z, Value bias, Value residual, float scale) {
  const Shape in = graph.shape(z), out{in.rows, in.cols / 2};
  require(in.cols % 2 == 0 && graph.shape(bias).size() == in.cols, "glu: rows of ", in.cols, " and a bias of ",
          graph.shape(bias).size(), " are not two halves of one width");
  require(!residual || graph.shape(residual) == out, "glu: the residual is not as wide as a half");
  Node node{.op = &kGlu, .inputs = {z, bias, residual}};
  node.keep_inputs = 0b011;
  node.scratch_backward = static_cast<std::size_t>(blocks_of(in.rows) * in.cols) * sizeof(float);
  if (residual) node.in_place = 2;
  return graph.record(node, {{out}}, Attributes{scale});
}

}  // namespace storm
