// The product with bias and ReLU in its epilogue; what an epilogue cannot do, an elementwise pass after it does.
// Backward, one pass makes of dy the gradient of the sum, 16 bits of it where products take those, and the bias'
// gradient.
#include "ops/linear.h"

#include <tuple>

#include "cuda/columns.cuh"
#include "cuda/context.h"
#include "cuda/rounding.cuh"

namespace storm::cuda {

namespace {

constexpr unsigned kThreads = 256;
constexpr int64_t kRows = 64;  // of a block in the bias' gradient

// A thread takes 8 neighbouring columns of a row, which share one Philox call.
struct Place {
  int64_t row, column;
  bool inside;
};
__device__ __forceinline__ Place place(int64_t rows, int64_t n) {
  const int64_t groups = (n + 7) / 8, i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  return {i / groups, i % groups * 8, i < rows * groups};
}
unsigned blocks_of(int64_t rows, int64_t n) {
  return static_cast<unsigned>((rows * ((n + 7) / 8) + kThreads - 1) / kThreads);
}

struct ValueAndSlope {
  float value, slope;
};

// z Phi(z) by z, the exact form and the one by tanh. Phi and its slope are 0 or 1 and 0 beyond what f32 tells from it.
__device__ __forceinline__ ValueAndSlope gelu(float z, bool by_tanh) {
  float phi, density;
  if (by_tanh) {
    const float t = z < -9.9f ? -9.9f : z > 9.9f ? 9.9f : z;
    phi = z < -9.9f ? 0.0f : 1 / (1 + expf(-1.59576912f * (t + 0.044715f * t * t * t)));
    density = z > 9.9f ? 0.0f : phi * (1 - phi) * 1.59576912f * (1 + 0.134145f * t * t);
  } else {
    phi = 0.5f * erfcf(z * -0.70710678f);
    density = 0.39894228f * expf(-0.5f * z * z);
  }
  return {z * phi, phi + z * density};
}

// As cpu/simd.h has it.
__device__ __forceinline__ ValueAndSlope swish(float z) {
  const float e = expf(-z), open = 1 / (1 + e), slope = open * (1 + z * (e * open));
  return {z < -88.0f ? 0.0f : z / (1 + e), z < -88.0f ? 0.0f : z > 88.0f ? 1.0f : slope};
}

// Of an activation that keeps the sum z.
__device__ __forceinline__ ValueAndSlope value_and_slope(float z, Activation activation) {
  return activation == Activation::swish ? swish(z) : gelu(z, activation == Activation::gelu_tanh);
}

// z: [rows, n] holds x W^T and gets the bias (null: none); y = dropout(activation(z)). z may be y.
__global__ void __launch_bounds__(kThreads) activate_kernel(float* z, float* y, const float* bias, int64_t rows,
                                                            int64_t n, Activation activation, DropoutStream stream) {
  const auto [row, column, inside] = place(rows, n);
  if (!inside) return;
  uint4 bits{};
  if (stream.active()) bits = dropout_bits(stream, row, static_cast<uint32_t>(column / 8));
  for (int64_t i = column; i < column + 8 && i < n; ++i) {
    const int64_t at = row * n + i;
    const float sum = z[at] + (bias ? bias[i] : 0.0f);
    float out = sum;
    if (activation == Activation::relu) out = 0.0f > sum ? 0.0f : sum;  // a NaN stays one
    if (activation == Activation::tanh) out = tanhf(sum);
    if (keeps_sum(activation)) {
      z[at] = sum;
      out = value_and_slope(sum, activation).value;
    }
    y[at] = stream.active() ? out * dropout_factor(stream, bits, i) : out;
  }
}

// dy becomes the gradient of the sum. saved: y, or the sum before it where that is kept.
__global__ void __launch_bounds__(kThreads)
    activate_backward_kernel(float* dy, const float* saved, int64_t rows, int64_t n, Activation activation,
                             DropoutStream stream) {
  const auto [row, column, inside] = place(rows, n);
  if (!inside) return;
  uint4 bits{};
  if (stream.active() && activation != Activation::relu)
    bits = dropout_bits(stream, row, static_cast<uint32_t>(column / 8));
  for (int64_t i = column; i < column + 8 && i < n; ++i) {
    const int64_t at = row * n + i;
    float d = dy[at];
    // ReLU with dropout leaves 0 where either closed: y > 0 tells all.
    if (activation == Activation::relu) {
      dy[at] = saved[at] > 0 ? d * stream.scale : 0.0f;
      continue;
    }
    if (stream.active()) d *= dropout_factor(stream, bits, i);
    if (activation == Activation::tanh) d *= 1 - saved[at] * saved[at];
    if (keeps_sum(activation)) d *= value_and_slope(saved[at], activation).slope;
    dy[at] = d;
  }
}

// Each block reads kRows rows, a thread a column, so that loads lie side by side: parts[b] = the sums by columns (null:
// nobody wants them); to = the gradient of the sum, rounded (null: dy is it). y: null, or what ReLU and the dropout
// after it left.
__global__ void __launch_bounds__(kThreads)
    columns_kernel(const float* dy, const float* y, float scale, int64_t rows, int64_t n, float* parts, uint16_t* to,
                   int64_t rounded_ld, bool bf16) {
  const int64_t i = static_cast<int64_t>(blockIdx.y) * kThreads + threadIdx.x, begin = blockIdx.x * kRows;
  if (i >= n) return;
  const int64_t end = begin + kRows < rows ? begin + kRows : rows;
  float sum = 0;
#pragma unroll 8
  for (int64_t r = begin; r < end; ++r) {
    float d = dy[r * n + i];
    if (y) d = y[r * n + i] > 0 ? d * scale : 0.0f;
    if (to) to[r * rounded_ld + i] = rounded16(d, bf16);
    sum += d;
  }
  if (parts) parts[blockIdx.x * n + i] = sum;
}

// Of the low-rank update: as linear.cc has it.
template <class Body>
void for_parts(const LinearAttributes& f, Body&& body) {
  std::ptrdiff_t b_begin = 0;
  for (int32_t p = 0; p < f.parts; ++p) {
    body(f.part[p].first, f.part[p].count, int64_t{p} * f.rank, b_begin);
    b_begin += std::ptrdiff_t{f.part[p].count} * f.rank;
  }
}

void add_low_rank(const Execution& run, const Node& node, const LinearAttributes& f, Context& context, float* z,
                  int64_t n) {
  const auto [u, a, b] = std::tuple(node.inputs[3], node.inputs[4], node.inputs[5]);
  const Shape shape = run.shape(u);
  const int64_t inner = int64_t{f.parts} * f.rank;
  float* ua = run.data(node.outputs[node.outputs[2] ? 2 : 1]);
  const float* all_b = run.data(b);
  context.gemm(false, true, shape.rows, inner, shape.cols, 1, run.data(u), shape.cols, run.data(a), shape.cols, 0, ua,
               inner);
  for_parts(f, [&](int64_t column, int64_t count, int64_t at, std::ptrdiff_t b_begin) {
    context.gemm(false, true, shape.rows, count, f.rank, f.scale, ua + at, inner, all_b + b_begin, f.rank, 1,
                 z + column, n);
  });
}

void low_rank_backward(const Execution& run, const Node& node, const LinearAttributes& f, Context& context,
                       const float* dz, int64_t n) {
  const auto [u, a, b] = std::tuple(node.inputs[3], node.inputs[4], node.inputs[5]);
  const Shape shape = run.shape(u);
  const int64_t inner = int64_t{f.parts} * f.rank;
  const float *ua = run.data(node.outputs[node.outputs[2] ? 2 : 1]), *all_b = run.data(b);
  float *d_ua = run.scratch_backward(node), *db = run.gradient(b);
  const float beta = run.beta(node, 5);
  for_parts(f, [&](int64_t column, int64_t count, int64_t at, std::ptrdiff_t b_begin) {
    context.gemm(false, false, shape.rows, f.rank, count, f.scale, dz + column, n, all_b + b_begin, f.rank, 0,
                 d_ua + at, inner);
    if (db)
      context.gemm(true, false, count, f.rank, shape.rows, f.scale, dz + column, n, ua + at, inner, beta, db + b_begin,
                   f.rank);
  });
  if (float* da = run.gradient(a))
    context.gemm(true, false, inner, shape.cols, shape.rows, 1, d_ua, inner, run.data(u), shape.cols, run.beta(node, 4),
                 da, shape.cols);
  if (float* du = run.gradient(u))
    context.gemm(false, false, shape.rows, shape.cols, inner, 1, d_ua, inner, run.data(a), shape.cols,
                 run.beta(node, 3), du, shape.cols);
}

void forward(const Execution& run, const Node& node, Context& context) {
  const auto attributes = node.attributes<LinearAttributes>();
  const auto activation = attributes.activation;
  const auto [x, weight, bias] = std::tuple(node.inputs[0], node.inputs[1], node.inputs[2]);
  const int64_t rows = run.shape(x).rows, in = run.shape(x).cols, n = run.shape(weight).rows;
  float* y = run.data(node.outputs[0]);
  float* z = keeps_sum(activation) && run.gradients() ? run.data(node.outputs[1]) : y;
  const float* b = run.data_or_null(bias);
  const DropoutStream stream = dropout_of(run, node, run.gradients() ? attributes.dropout : 0);
  const bool low_rank = attributes.rank > 0;
  const bool fused =
      b && !low_rank && !stream.active() && (activation == Activation::none || activation == Activation::relu);
  const Epilogue epilogue = !fused                           ? Epilogue::none
                            : activation == Activation::relu ? Epilogue::bias_relu
                                                             : Epilogue::bias;
  context.gemm(false, true, rows, n, in, 1, run.data(x), in, run.data(weight), in, 0, z, n, epilogue,
               fused ? b : nullptr);
  if (low_rank) add_low_rank(run, node, attributes, context, z, n);
  if (fused || (!b && activation == Activation::none && !stream.active())) return;
  context.launch("linear", blocks_of(rows, n), kThreads, 0, activate_kernel, z, y, b, rows, n, activation, stream);
}

void backward(const Execution& run, const Node& node, Context& context) {
  const auto attributes = node.attributes<LinearAttributes>();
  const auto activation = attributes.activation;
  const auto [x, weight, bias] = std::tuple(node.inputs[0], node.inputs[1], node.inputs[2]);
  const int64_t rows = run.shape(x).rows, in = run.shape(x).cols, n = run.shape(weight).rows;
  float *dy = run.gradient(node.outputs[0]), *db = run.gradient(bias);
  const DropoutStream stream = dropout_of(run, node, attributes.dropout);
  const bool rounds = context.rounds(rows * in * n);  // as forward's product of the same size
  // What is only read by rounding and summing need not be written before.
  const float* gate =
      rounds && activation == Activation::relu && attributes.rank == 0 ? run.data(node.outputs[0]) : nullptr;
  if (!gate && (activation != Activation::none || stream.active())) {
    const float* saved =
        activation == Activation::none ? nullptr : run.data(node.outputs[keeps_sum(activation) ? 1 : 0]);
    context.launch("linear backward", blocks_of(rows, n), kThreads, 0, activate_backward_kernel, dy, saved, rows, n,
                   activation, stream);
  }
  uint16_t* to = nullptr;
  const Operand d = rounds ? context.rounded_room(rows, n, &to) : Operand{dy, n};
  const auto blocks = static_cast<unsigned>((rows + kRows - 1) / kRows),
             across = static_cast<unsigned>((n + kThreads - 1) / kThreads);
  float* parts =
      db ? static_cast<float*>(context.workspace(static_cast<std::size_t>(blocks * n) * sizeof(float))) : nullptr;
  if (rounds || db)
    context.launch("linear backward, columns", {blocks, across}, kThreads, 0, columns_kernel,
                   static_cast<const float*>(dy), gate, stream.scale, rows, n, parts, to, d.rounded_ld,
                   context.precision() == ProductPrecision::bf16);
  const auto operand = [&](const float* m, int64_t height) {
    return rounds ? context.operand(m, height, in) : Operand{m, in};
  };
  if (float* dx = run.gradient(x))
    context.gemm(false, false, rows, in, n, d, operand(run.data(weight), n), run.beta(node, 0), dx, in);
  if (float* dw = run.gradient(weight))
    context.gemm(true, false, n, in, rows, d, operand(run.data(x), rows), run.beta(node, 1), dw, in);
  if (db) queue_column_sums(context, "linear, the bias' gradient", parts, blocks, n, run.beta(node, 2), db);
  if (attributes.rank > 0) low_rank_backward(run, node, attributes, context, dy, n);
}

const Kernels kLinear{"linear", forward, backward};

}  // namespace

}  // namespace storm::cuda
