// A warp a text and column, which reads its logits three times, the last two out of the cache; then one block sums what
// they lose, so that the sum's order is fixed.
#include "ops/span_cross_entropy.h"

#include <tuple>

#include "cuda/context.h"
#include "cuda/rows.cuh"

namespace storm::cuda {

namespace {

constexpr unsigned kThreads = 256, kWarps = kThreads / kWarp;

struct Spans {
  const float* x;
  const int32_t *offsets, *targets;
  int64_t texts, k;
  float scale, beta;
  float* dx;  // may be null
  double* losses;
};

__global__ void __launch_bounds__(kThreads) columns_kernel(Spans f) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kWarps + threadIdx.x / kWarp;
  if (i >= f.texts * f.k) return;
  const int64_t first = f.offsets[i / f.k], n = f.offsets[i / f.k + 1] - first, target = f.targets[i];
  const unsigned lane = threadIdx.x % kWarp;
  const float* x = f.x + first * f.k + i % f.k;
  float largest = -INFINITY;
  for (int64_t t = lane; t < n; t += kWarp) largest = x[t * f.k] > largest ? x[t * f.k] : largest;
  largest = warp_max(largest);
  float exps = 0;
  for (int64_t t = lane; t < n; t += kWarp) exps += expf(x[t * f.k] - largest);
  exps = warp_sum(exps);
  if (f.dx) {
    float* dx = f.dx + first * f.k + i % f.k;
    for (int64_t t = lane; t < n; t += kWarp) {
      const float p = expf(x[t * f.k] - largest) / exps, slope = f.scale * (t == target ? p - 1 : p);
      dx[t * f.k] = slope + (f.beta == 0 ? 0.0f : dx[t * f.k]);
    }
  }
  if (lane == 0) f.losses[i] = log(static_cast<double>(exps)) - static_cast<double>(x[target * f.k] - largest);
}

__global__ void __launch_bounds__(kThreads) sum_kernel(const double* losses, int64_t n, double k, double* totals) {
  __shared__ double parts[kWarps];
  double sum = 0;
  for (int64_t i = threadIdx.x; i < n; i += kThreads) sum += losses[i];
  sum = block_sum<kWarps>(sum, parts) / k;
  if (threadIdx.x < 2) totals[threadIdx.x] = sum;
}

void forward(const Execution& run, const Node& node, Context& context) {
  const auto [x, offsets, targets] = std::tuple(node.inputs[0], node.inputs[1], node.inputs[2]);
  const auto [texts, k] = run.shape(targets);
  const auto host = [&](Value v) { return static_cast<const int32_t*>(run.graph()[v].data); };
  check_spans(host(offsets), host(targets), texts, k, run.shape(x).rows);
  auto* losses = reinterpret_cast<double*>(run.scratch_forward(node));
  context.launch("span_cross_entropy", static_cast<unsigned>((texts * k + kWarps - 1) / kWarps), kThreads, 0,
                 columns_kernel,
                 Spans{run.data(x), run.data<int32_t>(offsets), run.data<int32_t>(targets), texts, k,
                       node.attributes<float>() / static_cast<float>(k), run.beta(node, 0), run.gradient(x), losses});
  context.launch("span_cross_entropy, the sum", 1, kThreads, 0, sum_kernel, static_cast<const double*>(losses),
                 texts * k, static_cast<double>(k), run.data<double>(node.outputs[0]));
}

const Kernels kSpanCrossEntropy{"span_cross_entropy", forward};

}  // namespace

}  // namespace storm::cuda
