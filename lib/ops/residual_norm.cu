// A warp a row: its sums need no barrier. A lane takes 8 neighbouring columns at a time, which share one Philox call.
#include "ops/residual_norm.h"

#include <tuple>

#include "cuda/context.h"
#include "cuda/eights.cuh"

namespace storm::cuda {

namespace {

constexpr unsigned kWarps = 8, kThreads = kWarps * kWarp;
constexpr int64_t kPiece = kWarp * 8;  // columns that a warp takes at a time
__host__ __device__ constexpr int64_t pieces_of(int64_t n) { return (n + kPiece - 1) / kPiece; }

struct Row {
  float mean, rstd;
};

struct Forward {
  const float *x, *h;  // [rows, n]; h may be null, and then so is sum
  float* sum;          // may lie where h does
  const float *gain, *bias;
  float* y;
  Row* stats;  // null: nobody wants them
  int64_t rows, n;
  float epsilon;
};

// A row lies in registers, kPieces groups of 8 columns a lane, so that it is read once; 0: it is too long for them and
// is read again, out of the nearest cache.
template <int kPieces>
__global__ void __launch_bounds__(kThreads) forward_kernel(Forward f, DropoutStream stream) {
  const int64_t r = static_cast<int64_t>(blockIdx.x) * kWarps + threadIdx.x / kWarp;
  if (r >= f.rows) return;
  const int64_t pieces = kPieces ? kPieces : pieces_of(f.n), first = threadIdx.x % kWarp * 8, at = r * f.n;
  Eight held[kPieces ? kPieces : 1];
  float total = 0;
#pragma unroll
  for (int64_t p = 0; p < pieces; ++p) {
    const int64_t c = first + p * kPiece;
    Eight e = load8(f.x + at + c, f.n - c);
    if (f.h) {
      Eight h = load8(f.h + at + c, f.n - c);
      if (stream.active() && c < f.n) drop8(h, stream, r, c);
#pragma unroll
      for (int i = 0; i < 8; ++i) e.at[i] += h.at[i];
      store8(f.sum + at + c, e, f.n - c);
    }
#pragma unroll
    for (int i = 0; i < 8; ++i) total += e.at[i];  // 0 beyond the row
    if constexpr (kPieces > 0) held[p] = e;
  }
  const auto again = [&](int64_t p, int64_t c) {
    if constexpr (kPieces > 0)
      return held[p];
    else  // each lane reads what it wrote itself
      return load8((f.h ? f.sum : f.x) + at + c, f.n - c);
  };
  const float mean = warp_sum(total) / static_cast<float>(f.n);
  float squares = 0;
#pragma unroll
  for (int64_t p = 0; p < pieces; ++p) {
    const int64_t c = first + p * kPiece;
    const Eight e = again(p, c);
#pragma unroll
    for (int i = 0; i < 8; ++i)
      if (c + i < f.n) squares += (e.at[i] - mean) * (e.at[i] - mean);
  }
  const float rstd = 1 / sqrtf(warp_sum(squares) / static_cast<float>(f.n) + f.epsilon);
#pragma unroll
  for (int64_t p = 0; p < pieces; ++p) {
    const int64_t c = first + p * kPiece;
    Eight e = again(p, c);
    const Eight gain = load8(f.gain + c, f.n - c), bias = load8(f.bias + c, f.n - c);
#pragma unroll
    for (int i = 0; i < 8; ++i) e.at[i] = (e.at[i] - mean) * rstd * gain.at[i] + bias.at[i];
    store8(f.y + at + c, e, f.n - c);
  }
  if (f.stats && threadIdx.x % kWarp == 0) f.stats[r] = {mean, rstd};
}

struct Backward {
  const float* s;           // [rows, n]: what was normalised
  const Row* stats;         // [rows]
  float *d_normed, *d_sum;  // either may be null
  const float* gain;
  float *dx, *dh;        // either may be null; the same where x and h are one value
  float beta_x, beta_h;  // 1: add, 0: overwrite
  int64_t rows, n;
};

// The gradient of the sum goes to dx and, dropped out, to dh.
template <int kPieces>
__global__ void __launch_bounds__(kThreads) backward_kernel(Backward f, DropoutStream stream) {
  const int64_t r = static_cast<int64_t>(blockIdx.x) * kWarps + threadIdx.x / kWarp;
  if (r >= f.rows) return;
  const int64_t pieces = kPieces ? kPieces : pieces_of(f.n), first = threadIdx.x % kWarp * 8, at = r * f.n;
  Row row{};
  if (f.d_normed) row = f.stats[r];
  // d: the gradient before the gain; normed: what the gain was applied to.
  const auto load = [&](int64_t c, Eight& d, Eight& normed) {
    d = load8(f.d_normed + at + c, f.n - c);
    normed = load8(f.s + at + c, f.n - c);
    const Eight gain = load8(f.gain + c, f.n - c);
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      d.at[i] *= gain.at[i];
      normed.at[i] = (normed.at[i] - row.mean) * row.rstd;
    }
  };
  Eight held[kPieces ? kPieces : 1], held_normed[kPieces ? kPieces : 1];
  float direct = 0, along = 0;
  if (f.d_normed) {
#pragma unroll
    for (int64_t p = 0; p < pieces; ++p) {
      Eight d, normed;
      load(first + p * kPiece, d, normed);
#pragma unroll
      for (int i = 0; i < 8; ++i) {
        direct += d.at[i];
        along += d.at[i] * normed.at[i];
      }
      if constexpr (kPieces > 0) held[p] = d, held_normed[p] = normed;
    }
    direct = warp_sum(direct) / static_cast<float>(f.n);
    along = warp_sum(along) / static_cast<float>(f.n);
  }
#pragma unroll
  for (int64_t p = 0; p < pieces; ++p) {
    const int64_t c = first + p * kPiece;
    Eight sum{};
    if (f.d_sum) sum = load8(f.d_sum + at + c, f.n - c);
    if (f.d_normed) {
      Eight d, normed;
      if constexpr (kPieces > 0)
        d = held[p], normed = held_normed[p];
      else
        load(c, d, normed);
#pragma unroll
      for (int i = 0; i < 8; ++i) sum.at[i] += (d.at[i] - direct - normed.at[i] * along) * row.rstd;
    }
    if (f.dx) add8(f.dx + at + c, f.beta_x, sum, f.n - c);
    if (f.dh) {
      if (stream.active() && c < f.n) drop8(sum, stream, r, c);
      add8(f.dh + at + c, f.beta_h, sum, f.n - c);
    }
  }
}

// parts: [blocks of rows, 2, n]. A thread a column, so that the order of a sum is fixed and its loads lie side by side.
__global__ void __launch_bounds__(kThreads)
    parts_kernel(const float* s, const Row* stats, const float* d_normed, float* parts, int64_t rows, int64_t n) {
  const int64_t i = static_cast<int64_t>(blockIdx.y) * kThreads + threadIdx.x, begin = blockIdx.x * kResidualNormBlock;
  if (i >= n) return;
  float gain = 0, bias = 0;
  for (int64_t r = begin; r < begin + kResidualNormBlock && r < rows; ++r) {
    const float d = d_normed[r * n + i];
    bias += d;
    gain += d * (s[r * n + i] - stats[r].mean) * stats[r].rstd;
  }
  parts[blockIdx.x * 2 * n + i] = gain;
  parts[(blockIdx.x * 2 + 1) * n + i] = bias;
}

// d = beta * d + the sum of the parts, in order. A warp a column.
__global__ void __launch_bounds__(kThreads)
    add_parts_kernel(const float* parts, int64_t blocks, int64_t n, float beta_gain, float beta_bias, float* d_gain,
                     float* d_bias) {
  const int64_t column = static_cast<int64_t>(blockIdx.x) * kWarps + threadIdx.x / kWarp;
  if (column >= 2 * n) return;
  float* d = column < n ? d_gain : d_bias;
  if (!d) return;
  float sum = 0;
  for (int64_t b = threadIdx.x % kWarp; b < blocks; b += kWarp) sum += parts[b * 2 * n + column];
  sum = warp_sum(sum);
  const int64_t i = column < n ? column : column - n;
  const float beta = column < n ? beta_gain : beta_bias;
  if (threadIdx.x % kWarp == 0) d[i] = beta == 0 ? sum : d[i] + sum;
}

unsigned blocks_of(int64_t count, int64_t each) { return static_cast<unsigned>((count + each - 1) / each); }

struct Outputs {
  Value sum, normed, stats;
};
Outputs outputs_of(const Node& node) {
  return node.inputs[1] ? Outputs{node.outputs[0], node.outputs[1], node.outputs[2]}
                        : Outputs{{}, node.outputs[0], node.outputs[1]};
}

void forward(const Execution& run, const Node& node, Context& context) {
  const auto attributes = node.attributes<ResidualNormAttributes>();
  const auto [x, h, gain, bias] = std::tuple(node.inputs[0], node.inputs[1], node.inputs[2], node.inputs[3]);
  const Outputs out = outputs_of(node);
  const auto [rows, n] = run.shape(x);
  const Forward f{run.data(x),
                  run.data_or_null(h),
                  run.data_or_null(out.sum),
                  run.data(gain),
                  run.data(bias),
                  run.data(out.normed),
                  run.data_or_null<Row>(out.stats),
                  rows,
                  n,
                  attributes.epsilon};
  const DropoutStream stream = dropout_of(run, node, run.gradients() && h ? attributes.dropout : 0);
  const auto kernel = n <= kPiece       ? forward_kernel<1>
                      : n <= 2 * kPiece ? forward_kernel<2>
                      : n <= 4 * kPiece ? forward_kernel<4>
                                        : forward_kernel<0>;
  context.launch("residual_norm", blocks_of(rows, kWarps), kThreads, 0, kernel, f, stream);
}

void backward(const Execution& run, const Node& node, Context& context) {
  const auto attributes = node.attributes<ResidualNormAttributes>();
  const auto [x, h, gain, bias] = std::tuple(node.inputs[0], node.inputs[1], node.inputs[2], node.inputs[3]);
  const Outputs out = outputs_of(node);
  const auto [rows, n] = run.shape(x);
  const Backward f{run.data(out.sum ? out.sum : x),
                   run.data<Row>(out.stats),
                   run.gradient(out.normed),
                   run.gradient(out.sum),
                   run.data(gain),
                   run.gradient(x),
                   run.gradient(h),
                   run.beta(node, 0),
                   run.beta(node, 1),
                   rows,
                   n};
  const DropoutStream stream = dropout_of(run, node, h ? attributes.dropout : 0);
  // The sums first: dx and dh may lie where the gradients that they are made of do.
  float *d_gain = run.gradient(gain), *d_bias = run.gradient(bias);
  const int64_t blocks = blocks_of(rows, kResidualNormBlock);
  if (f.d_normed && (d_gain || d_bias)) {
    float* parts = run.scratch_backward(node);
    context.launch("residual_norm, gradients of gain and bias", {static_cast<unsigned>(blocks), blocks_of(n, kThreads)},
                   kThreads, 0, parts_kernel, f.s, f.stats, static_cast<const float*>(f.d_normed), parts, rows, n);
    context.launch("residual_norm, gradients of gain and bias", blocks_of(2 * n, kWarps), kThreads, 0, add_parts_kernel,
                   static_cast<const float*>(parts), blocks, n, run.beta(node, 2), run.beta(node, 3), d_gain, d_bias);
  }
  const auto kernel = n <= kPiece       ? backward_kernel<1>
                      : n <= 2 * kPiece ? backward_kernel<2>
                      : n <= 4 * kPiece ? backward_kernel<4>
                                        : backward_kernel<0>;
  context.launch("residual_norm backward", blocks_of(rows, kWarps), kThreads, 0, kernel, f, stream);
}

const Kernels kResidualNorm{"residual_norm", forward, backward};

}  // namespace

}  // namespace storm::cuda
