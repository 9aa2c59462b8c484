// A thread 8 neighbouring numbers, of all layers. Backward: a block's products of the layers and the gradient go to
// scratch, from which one block makes the gradients of scores and gamma. Memory's pace.
#include "ops/layer_mix.h"

#include "cuda/context.h"
#include "cuda/eights.cuh"

namespace storm::cuda {

namespace {

constexpr unsigned kThreads = kMixBlock / 8, kWarps = kThreads / kWarp;

struct Mix {
  const float *scores, *gamma;
  int64_t all;  // the layers of all nodes
  LayerMixAttributes own;
  int64_t n;
};
unsigned blocks_of(int64_t n) { return static_cast<unsigned>((n + kMixBlock - 1) / kMixBlock); }

__device__ __forceinline__ float weight_of(const Mix& m, int64_t layer) {
  float largest = -INFINITY, sum = 0;
  for (int64_t l = 0; l < m.all; ++l) largest = m.scores[l] > largest ? m.scores[l] : largest;
  for (int64_t l = 0; l < m.all; ++l) sum += expf(m.scores[l] - largest);
  return expf(m.scores[layer] - largest) / sum;
}

// gamma times the weights of the node's layers, by the first threads.
__device__ __forceinline__ void share_factors(const Mix& m, float* factors) {
  if (static_cast<int32_t>(threadIdx.x) < m.own.count)
    factors[threadIdx.x] = m.gamma[0] * weight_of(m, m.own.first + static_cast<int32_t>(threadIdx.x));
  __syncthreads();
}

struct Forward {
  const float* before;  // may be null, or lie where y does
  const float* layers[kMixedLayers];
  float* y;
};

__global__ void __launch_bounds__(kThreads) forward_kernel(Mix m, Forward f) {
  __shared__ float factors[kMixedLayers];
  share_factors(m, factors);
  const int64_t at = static_cast<int64_t>(blockIdx.x) * kMixBlock + threadIdx.x * 8;
  if (at >= m.n) return;
  Eight y{};
  if (f.before) y = load8(f.before + at, m.n - at);
  for (int32_t l = 0; l < m.own.count; ++l) {
    const Eight x = load8(f.layers[l] + at, m.n - at);
#pragma unroll
    for (int i = 0; i < 8; ++i) y.at[i] += factors[l] * x.at[i];
  }
  store8(f.y + at, y, m.n - at);
}

struct Backward {
  const float* dy;
  float* d_before;  // may be null, as those of the layers
  float beta_before;
  const float* layers[kMixedLayers];
  float* d_layers[kMixedLayers];
  float betas[kMixedLayers];
  float* products;  // [blocks, the node's layers]
};

__global__ void __launch_bounds__(kThreads) backward_kernel(Mix m, Backward f) {
  __shared__ float factors[kMixedLayers], parts[kWarps];
  share_factors(m, factors);
  const int64_t at = static_cast<int64_t>(blockIdx.x) * kMixBlock + threadIdx.x * 8, left = at < m.n ? m.n - at : 0;
  Eight dy{};
  if (left > 0) dy = load8(f.dy + at, left);
  if (f.d_before && left > 0) add8(f.d_before + at, f.beta_before, dy, left);
  for (int32_t l = 0; l < m.own.count; ++l) {
    Eight x{}, d;
    if (left > 0) x = load8(f.layers[l] + at, left);
    float sum = 0;
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      sum += x.at[i] * dy.at[i];
      d.at[i] = factors[l] * dy.at[i];
    }
    if (f.d_layers[l] && left > 0) add8(f.d_layers[l] + at, f.betas[l], d, left);
    sum = block_sum<kWarps>(sum, parts);
    if (threadIdx.x == 0) f.products[static_cast<int64_t>(blockIdx.x) * m.own.count + l] = sum;
  }
}

struct Scores {
  const float* products;
  int64_t blocks;
  float *d_scores, *d_gamma;  // either may be null
  float beta_scores, beta_gamma;
};

// One block.
__global__ void __launch_bounds__(kThreads) scores_kernel(Mix m, Scores f) {
  __shared__ float sums[kMixedLayers], parts[kWarps];
  float d_gamma = 0;
  for (int32_t l = 0; l < m.own.count; ++l) {
    float sum = 0;
    for (int64_t b = threadIdx.x; b < f.blocks; b += kThreads) sum += f.products[b * m.own.count + l];
    sum = block_sum<kWarps>(sum, parts);
    if (threadIdx.x == 0) sums[l] = sum;
    d_gamma += weight_of(m, m.own.first + l) * sum;
  }
  __syncthreads();
  for (int64_t l = threadIdx.x; f.d_scores && l < m.all; l += kThreads) {
    const int64_t own = l - m.own.first;
    const float t = own >= 0 && own < m.own.count ? sums[own] : 0.0f;
    const float d = m.gamma[0] * weight_of(m, l) * (t - d_gamma);
    f.d_scores[l] = f.beta_scores == 0 ? d : f.d_scores[l] + d;
  }
  if (f.d_gamma && threadIdx.x == 0) f.d_gamma[0] = f.beta_gamma == 0 ? d_gamma : f.d_gamma[0] + d_gamma;
}

Mix mix_of(const Execution& run, const Node& node) {
  return {run.data(node.inputs[0]), run.data(node.inputs[1]), run.shape(node.inputs[0]).size(),
          node.attributes<LayerMixAttributes>(), run.shape(node.outputs[0]).size()};
}

void forward(const Execution& run, const Node& node, Context& context) {
  const Mix m = mix_of(run, node);
  Forward f{};
  f.before = run.data_or_null(node.inputs[2]);
  f.y = run.data(node.outputs[0]);
  for (std::size_t l = 0; l < static_cast<std::size_t>(m.own.count); ++l)
    f.layers[l] = run.data(node.inputs[kMixInputs + l]);
  context.launch("layer_mix", blocks_of(m.n), kThreads, 0, forward_kernel, m, f);
}

void backward(const Execution& run, const Node& node, Context& context) {
  const Mix m = mix_of(run, node);
  Backward f{};
  f.dy = run.gradient(node.outputs[0]);
  f.d_before = run.gradient(node.inputs[2]);
  f.beta_before = run.beta(node, 2);
  for (std::size_t l = 0; l < static_cast<std::size_t>(m.own.count); ++l) {
    f.layers[l] = run.data(node.inputs[kMixInputs + l]);
    f.d_layers[l] = run.gradient(node.inputs[kMixInputs + l]);
    f.betas[l] = run.beta(node, kMixInputs + l);
  }
  f.products = run.scratch_backward(node);
  context.launch("layer_mix backward", blocks_of(m.n), kThreads, 0, backward_kernel, m, f);
  const Scores scores{f.products,        blocks_of(m.n),   run.gradient(node.inputs[0]), run.gradient(node.inputs[1]),
                      run.beta(node, 0), run.beta(node, 1)};
  if (scores.d_scores || scores.d_gamma)
    context.launch("layer_mix, the gradients of scores and gamma", 1, kThreads, 0, scores_kernel, m, scores);
}

const Kernels kLayerMix{"layer_mix", forward, backward};

}  // namespace

}  // namespace storm::cuda
