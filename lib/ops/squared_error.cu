// One block, so that the sum's order is fixed: each thread its rows, then the threads in pairs. There is one number a
// row.
#include "ops/squared_error.h"

#include "cuda/context.h"
#include "cuda/rows.cuh"

namespace storm::cuda {

namespace {

constexpr unsigned kThreads = 256, kWarps = kThreads / kWarp;

// dx: may be null
__global__ void __launch_bounds__(kThreads) forward_kernel(const float* x, const float* targets, int64_t rows,
                                                           float twice, float beta, float* dx, double* totals) {
  __shared__ double parts[kWarps];
  double sum = 0;
  for (int64_t r = threadIdx.x; r < rows; r += kThreads) {
    const float off = x[r] - targets[r];
    sum += static_cast<double>(off) * static_cast<double>(off);
    if (dx) dx[r] = twice * off + (beta == 0 ? 0.0f : dx[r]);
  }
  sum = block_sum<kWarps>(sum, parts);
  if (threadIdx.x < 2) totals[threadIdx.x] = sum;
}

void forward(const Execution& run, const Node& node, Context& context) {
  const Value x = node.inputs[0];
  context.launch("squared_error", 1, kThreads, 0, forward_kernel, run.data(x), run.data(node.inputs[1]),
                 run.shape(x).rows, 2 * node.attributes<float>(), run.beta(node, 0), run.gradient(x),
                 run.data<double>(node.outputs[0]));
}

const Kernels kSquaredError{"squared_error", forward};

}  // namespace

}  // namespace storm::cuda
