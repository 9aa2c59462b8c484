// A thread 8 neighbouring elements, of all terms: what goes up or down is read once. Memory's pace.
#include "ops/weighted_sum.h"

#include "cuda/context.h"
#include "cuda/eights.cuh"

namespace storm::cuda {

namespace {

constexpr unsigned kThreads = 256;
constexpr int kTerms = 3;

__device__ __forceinline__ int64_t place() { return (static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x) * 8; }
unsigned blocks_of(int64_t n) { return static_cast<unsigned>((n + 8 * kThreads - 1) / (8 * kThreads)); }

struct Forward {
  const float* terms[kTerms];  // the last may be null
  float factors[kTerms];
  float* y;  // may lie where the first term does
  int64_t n;
};

__global__ void __launch_bounds__(kThreads) forward_kernel(Forward f) {
  const int64_t at = place();
  if (at >= f.n) return;
  Eight y{};
#pragma unroll
  for (int t = 0; t < kTerms; ++t) {
    if (!f.terms[t]) continue;
    const Eight x = load8(f.terms[t] + at, f.n - at);
#pragma unroll
    for (int i = 0; i < 8; ++i) y.at[i] += f.factors[t] * x.at[i];
  }
  store8(f.y + at, y, f.n - at);
}

struct Backward {
  const float* dy;
  float* terms[kTerms];  // gradients; each may be null
  float factors[kTerms], betas[kTerms];
  int64_t n;
};

// One term after the other: they are the same memory when a value is added to itself.
__global__ void __launch_bounds__(kThreads) backward_kernel(Backward f) {
  const int64_t at = place();
  if (at >= f.n) return;
  const Eight dy = load8(f.dy + at, f.n - at);
#pragma unroll
  for (int t = 0; t < kTerms; ++t) {
    if (!f.terms[t]) continue;
    Eight d;
#pragma unroll
    for (int i = 0; i < 8; ++i) d.at[i] = f.factors[t] * dy.at[i];
    add8(f.terms[t] + at, f.betas[t], d, f.n - at);
  }
}

void forward(const Execution& run, const Node& node, Context& context) {
  const auto factors = node.attributes<WeightedSumAttributes>();
  Forward f{};
  for (std::size_t t = 0; t < kTerms; ++t) {
    f.terms[t] = run.data_or_null(node.inputs[t]);
    f.factors[t] = factors[t];
  }
  f.y = run.data(node.outputs[0]);
  f.n = run.shape(node.outputs[0]).size();
  context.launch("weighted_sum", blocks_of(f.n), kThreads, 0, forward_kernel, f);
}

void backward(const Execution& run, const Node& node, Context& context) {
  const auto factors = node.attributes<WeightedSumAttributes>();
  Backward f{};
  f.dy = run.gradient(node.outputs[0]);
  for (std::size_t t = 0; t < kTerms; ++t) {
    f.terms[t] = run.gradient(node.inputs[t]);
    f.factors[t] = factors[t];
    f.betas[t] = run.beta(node, t);
  }
  f.n = run.shape(node.outputs[0]).size();
  context.launch("weighted_sum backward", blocks_of(f.n), kThreads, 0, backward_kernel, f);
}

const Kernels kWeightedSum{"weighted_sum", forward, backward};

}  // namespace

}  // namespace storm::cuda
