// A thread a number of the narrower side, in backward of the wider: both passes only move memory.
#include "ops/columns.h"

#include "cuda/context.h"

namespace storm::cuda {

namespace {

constexpr unsigned kThreads = 256;

// x: [rows, width], y: [rows, count]
__global__ void __launch_bounds__(kThreads)
    forward_kernel(const float* x, int64_t width, int64_t first, int64_t rows, int64_t count, float* y) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i < rows * count) y[i] = x[i / count * width + first + i % count];
}

// dx = beta * dx + dy in its columns
__global__ void __launch_bounds__(kThreads)
    backward_kernel(const float* dy, int64_t width, int64_t first, int64_t rows, int64_t count, float beta, float* dx) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= rows * width) return;
  const int64_t column = i % width - first;
  const float value = column >= 0 && column < count ? dy[i / width * count + column] : 0.0f;
  dx[i] = beta == 0 ? value : dx[i] + value;
}

unsigned blocks_of(int64_t threads) { return static_cast<unsigned>((threads + kThreads - 1) / kThreads); }

void forward(const Execution& run, const Node& node, Context& context) {
  const auto [rows, count] = run.shape(node.outputs[0]);
  context.launch("columns", blocks_of(rows * count), kThreads, 0, forward_kernel, run.data(node.inputs[0]),
                 run.shape(node.inputs[0]).cols, node.attributes<ColumnsAttributes>().first, rows, count,
                 run.data(node.outputs[0]));
}

void backward(const Execution& run, const Node& node, Context& context) {
  float* dx = run.gradient(node.inputs[0]);
  if (!dx) return;
  const auto [rows, count] = run.shape(node.outputs[0]);
  const int64_t width = run.shape(node.inputs[0]).cols;
  context.launch("columns backward", blocks_of(rows * width), kThreads, 0, backward_kernel,
                 run.gradient(node.outputs[0]), width, node.attributes<ColumnsAttributes>().first, rows, count,
                 run.beta(node, 0), dx);
}

const Kernels kColumns{"columns", forward, backward};

}  // namespace

}  // namespace storm::cuda
