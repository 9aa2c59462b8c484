// Forward: a warp a row, a lane 8 neighbouring columns of both halves. Backward: a block 64 rows of 32 columns, so that
// the bias's gradient is summed from what the lanes hold anyway and dz is not read again.
#include "ops/glu.h"

#include <tuple>

#include "cuda/columns.cuh"
#include "cuda/context.h"
#include "cuda/eights.cuh"

namespace storm::cuda {

namespace {

constexpr unsigned kWarps = 8, kThreads = kWarps * kWarp;

unsigned blocks_of(int64_t count, int64_t each) { return static_cast<unsigned>((count + each - 1) / each); }

__device__ __forceinline__ float sigmoid(float x) { return 1 / (1 + expf(-x)); }

struct Forward {
  const float *z, *bias, *residual;  // residual may be null
  float* y;                          // may lie where the residual does
  int64_t rows, n;
  float scale;
};

__global__ void __launch_bounds__(kThreads) forward_kernel(Forward f) {
  const int64_t r = static_cast<int64_t>(blockIdx.x) * kWarps + threadIdx.x / kWarp;
  if (r >= f.rows) return;
  const float* z = f.z + r * 2 * f.n;
  for (int64_t c = threadIdx.x % kWarp * 8; c < f.n; c += kWarp * 8) {
    const int64_t columns = f.n - c;
    const Eight a = load8(z + c, columns), b = load8(z + f.n + c, columns);
    const Eight bias_a = load8(f.bias + c, columns), bias_b = load8(f.bias + f.n + c, columns);
    Eight y = f.residual ? load8(f.residual + r * f.n + c, columns) : Eight{};
#pragma unroll
    for (int i = 0; i < 8; ++i)
      y.at[i] = f.scale * ((a.at[i] + bias_a.at[i]) * sigmoid(b.at[i] + bias_b.at[i]) + y.at[i]);
    store8(f.y + r * f.n + c, y, columns);
  }
}

struct Backward {
  const float *z, *bias, *dy;
  float *dz, *residual;  // gradients; either may be null
  float beta_z, beta_residual;
  float* parts;  // [blocks, 2 n]: the sums of each block's rows; null: nobody wants them
  int64_t rows, n;
  float scale;
};

__device__ __forceinline__ void add(float* p, float beta, float x) { *p = beta == 0 ? x : *p + x; }

__global__ void __launch_bounds__(kThreads) backward_kernel(Backward f) {
  __shared__ float sums[2][kWarps][kWarp];
  const unsigned lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
  const int64_t i = static_cast<int64_t>(blockIdx.y) * kWarp + lane, n = f.n;
  const int64_t begin = static_cast<int64_t>(blockIdx.x) * kGluBlock;
  const int64_t end = begin + kGluBlock < f.rows ? begin + kGluBlock : f.rows;
  float sum_a = 0, sum_b = 0;
  if (i < n) {
    const float bias_a = f.bias[i], bias_b = f.bias[n + i];
    for (int64_t r = begin + warp; r < end; r += kWarps) {
      const float* z = f.z + r * 2 * n;
      const float above = f.scale * f.dy[r * n + i], gate = sigmoid(z[n + i] + bias_b);
      const float d = above * gate, e = d * (z[i] + bias_a) * (1 - gate);
      sum_a += d;
      sum_b += e;
      if (f.dz) {
        add(f.dz + r * 2 * n + i, f.beta_z, d);
        add(f.dz + r * 2 * n + n + i, f.beta_z, e);
      }
      if (f.residual) add(f.residual + r * n + i, f.beta_residual, above);
    }
  }
  if (!f.parts) return;
  sums[0][warp][lane] = sum_a;
  sums[1][warp][lane] = sum_b;
  __syncthreads();
  if (warp > 1 || i >= n) return;
  float sum = 0;
  for (unsigned w = 0; w < kWarps; ++w) sum += sums[warp][w][lane];
  f.parts[blockIdx.x * 2 * n + warp * n + i] = sum;
}

void forward(const Execution& run, const Node& node, Context& context) {
  const auto [rows, n] = run.shape(node.outputs[0]);
  const Forward f{run.data(node.inputs[0]),
                  run.data(node.inputs[1]),
                  run.data_or_null(node.inputs[2]),
                  run.data(node.outputs[0]),
                  rows,
                  n,
                  node.attributes<GluAttributes>().scale};
  context.launch("glu", blocks_of(rows, kWarps), kThreads, 0, forward_kernel, f);
}

void backward(const Execution& run, const Node& node, Context& context) {
  const auto [z, bias, residual] = std::tuple(node.inputs[0], node.inputs[1], node.inputs[2]);
  const auto [rows, n] = run.shape(node.outputs[0]);
  float* db = run.gradient(bias);
  const Backward f{.z = run.data(z),
                   .bias = run.data(bias),
                   .dy = run.gradient(node.outputs[0]),
                   .dz = run.gradient(z),
                   .residual = run.gradient(residual),
                   .beta_z = run.beta(node, 0),
                   .beta_residual = run.beta(node, 2),
                   .parts = db ? run.scratch_backward(node) : nullptr,
                   .rows = rows,
                   .n = n,
                   .scale = node.attributes<GluAttributes>().scale};
  const unsigned blocks = blocks_of(rows, kGluBlock);
  context.launch("glu backward", {blocks, blocks_of(n, kWarp)}, kThreads, 0, backward_kernel, f);
  if (db) queue_column_sums(context, "glu, the bias's gradient", f.parts, blocks, 2 * n, run.beta(node, 1), db);
}

const Kernels kGlu{"glu", forward, backward};

}  // namespace

}  // namespace storm::cuda
