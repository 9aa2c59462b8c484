// A warp a row of the weight, whose sums need no barrier; its second pass over the row comes out of the nearest cache.
#include "ops/weight_norm.h"

#include "cuda/context.h"
#include "cuda/eights.cuh"

namespace storm::cuda {

namespace {

constexpr unsigned kWarps = 8, kThreads = kWarps * kWarp;

// lengths: [rows] or null
__global__ void __launch_bounds__(kThreads)
    forward_kernel(const float* v, const float* g, float* w, float* lengths, int64_t rows, int64_t n) {
  const int64_t r = static_cast<int64_t>(blockIdx.x) * kWarps + threadIdx.x / kWarp;
  if (r >= rows) return;
  const int64_t first = threadIdx.x % kWarp * 8, step = kWarp * 8, at = r * n;
  float squares = 0;
  for (int64_t c = first; c < n; c += step) {
    const Eight x = load8(v + at + c, n - c);
#pragma unroll
    for (int i = 0; i < 8; ++i) squares += x.at[i] * x.at[i];
  }
  const float length = sqrtf(warp_sum(squares)), factor = g[r] / length;
  for (int64_t c = first; c < n; c += step) {
    Eight x = load8(v + at + c, n - c);
#pragma unroll
    for (int i = 0; i < 8; ++i) x.at[i] *= factor;
    store8(w + at + c, x, n - c);
  }
  if (lengths && threadIdx.x % kWarp == 0) lengths[r] = length;
}

struct Backward {
  const float *v, *g, *lengths, *dw;
  float *dv, *dg;  // either may be null
  float beta_v, beta_g;
  int64_t rows, n;
};

__global__ void __launch_bounds__(kThreads) backward_kernel(Backward f) {
  const int64_t r = static_cast<int64_t>(blockIdx.x) * kWarps + threadIdx.x / kWarp;
  if (r >= f.rows) return;
  const int64_t first = threadIdx.x % kWarp * 8, step = kWarp * 8, at = r * f.n;
  float dot = 0;
  for (int64_t c = first; c < f.n; c += step) {
    const Eight v = load8(f.v + at + c, f.n - c), dw = load8(f.dw + at + c, f.n - c);
#pragma unroll
    for (int i = 0; i < 8; ++i) dot += v.at[i] * dw.at[i];
  }
  const float length = f.lengths[r], along = warp_sum(dot) / length;
  if (f.dg && threadIdx.x % kWarp == 0) f.dg[r] = along + (f.beta_g == 0 ? 0.0f : f.dg[r]);
  if (!f.dv) return;
  const float factor = f.g[r] / length, back = along / length;
  for (int64_t c = first; c < f.n; c += step) {
    const Eight v = load8(f.v + at + c, f.n - c);
    Eight d = load8(f.dw + at + c, f.n - c);
#pragma unroll
    for (int i = 0; i < 8; ++i) d.at[i] = factor * (d.at[i] - back * v.at[i]);
    add8(f.dv + at + c, f.beta_v, d, f.n - c);
  }
}

unsigned blocks_of(int64_t rows) { return static_cast<unsigned>((rows + kWarps - 1) / kWarps); }

void forward(const Execution& run, const Node& node, Context& context) {
  const auto [rows, n] = run.shape(node.inputs[0]);
  context.launch("weight_norm", blocks_of(rows), kThreads, 0, forward_kernel, run.data(node.inputs[0]),
                 run.data(node.inputs[1]), run.data(node.outputs[0]), run.data_or_null(node.outputs[1]), rows, n);
}

void backward(const Execution& run, const Node& node, Context& context) {
  const auto [rows, n] = run.shape(node.inputs[0]);
  const Backward f{.v = run.data(node.inputs[0]),
                   .g = run.data(node.inputs[1]),
                   .lengths = run.data(node.outputs[1]),
                   .dw = run.gradient(node.outputs[0]),
                   .dv = run.gradient(node.inputs[0]),
                   .dg = run.gradient(node.inputs[1]),
                   .beta_v = run.beta(node, 0),
                   .beta_g = run.beta(node, 1),
                   .rows = rows,
                   .n = n};
  context.launch("weight_norm backward", blocks_of(rows), kThreads, 0, backward_kernel, f);
}

const Kernels kWeightNorm{"weight_norm", forward, backward};

}  // namespace

}  // namespace storm::cuda
