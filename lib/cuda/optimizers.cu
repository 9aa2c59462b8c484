#include "cuda/optimizers.h"

#include "base/error.h"
#include "cuda/rows.cuh"

namespace storm::cuda {

namespace {

constexpr unsigned kThreads = 256;

struct AdamFactors {  // in the order of train/adam.cc
  float beta1, beta2, rest1, rest2, step_size, root2, epsilon, keep;
};

struct NesterovFactors {  // in the order of train/nesterov.cc
  float momentum, rate, keep;
};

// train/decay_turns.h's, on the device.
struct DecayTurns {
  const int64_t* at;
  int64_t count;
};

// Whether the i-th number decays: an even number of turns lies at or before it. All threads of a warp read the same few
// of them, out of the L1 cache.
__device__ __forceinline__ bool decays(const DecayTurns& turns, int64_t i) {
  int64_t low = 0, high = turns.count;
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    if (turns.at[middle] <= i)
      low = middle + 1;
    else
      high = middle;
  }
  return low % 2 == 0;
}

// As train/gradient_norm.h's clip_scale.
__device__ __forceinline__ float value_of(const GradientScale& s) {
  const auto factor = static_cast<float>(s.factor);
  return s.norm && s.most > 0 && *s.norm > s.most ? factor * static_cast<float>(s.most / *s.norm) : factor;
}

// One element a thread at a time, the grid striding over all: 28 bytes move for 12 operations, so it is memory's pace.
__global__ void __launch_bounds__(kThreads) adam_kernel(AdamFactors k, GradientScale scale, DecayTurns turns, float* p,
                                                        float* g, float* m, float* v, int64_t n) {
  const float gradient_scale = value_of(scale);
  const int64_t stride = static_cast<int64_t>(gridDim.x) * kThreads;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < n; i += stride) {
    const float gradient = g[i] * gradient_scale;
    const float m1 = k.beta1 * m[i] + k.rest1 * gradient;
    const float v1 = k.beta2 * v[i] + k.rest2 * gradient * gradient;
    p[i] = (decays(turns, i) ? k.keep : 1.0f) * p[i] - k.step_size * m1 / (sqrtf(v1) * k.root2 + k.epsilon);
    m[i] = m1;
    v[i] = v1;
    g[i] = 0;
  }
}

__global__ void __launch_bounds__(kThreads)
    nesterov_kernel(NesterovFactors k, GradientScale scale, DecayTurns turns, float* p, float* g, float* m, int64_t n) {
  const float gradient_scale = value_of(scale);
  const int64_t stride = static_cast<int64_t>(gridDim.x) * kThreads;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < n; i += stride) {
    const float gradient = g[i] * gradient_scale;
    const float m1 = k.momentum * m[i] + gradient;
    p[i] = (decays(turns, i) ? k.keep : 1.0f) * p[i] - k.rate * (gradient + k.momentum * m1);
    m[i] = m1;
    g[i] = 0;
  }
}

// A fixed share of the elements for each block and thread, so that the sum's order is always the same.
__global__ void __launch_bounds__(kThreads) square_sums_kernel(const float* x, int64_t n, double* sums) {
  __shared__ double parts[kThreads];
  double sum = 0;
  const int64_t stride = static_cast<int64_t>(gridDim.x) * kThreads;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < n; i += stride)
    sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  parts[threadIdx.x] = sum;
  for (unsigned half = kThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) parts[threadIdx.x] += parts[threadIdx.x + half];
  }
  if (threadIdx.x == 0) sums[blockIdx.x] = parts[0];
}

__global__ void __launch_bounds__(kNormBlocks) norm_kernel(const double* sums, double* norm) {
  __shared__ double parts[kNormBlocks];
  parts[threadIdx.x] = sums[threadIdx.x];
  for (unsigned half = kNormBlocks / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) parts[threadIdx.x] += parts[threadIdx.x + half];
  }
  if (threadIdx.x == 0) *norm = sqrt(parts[0]);
}

__global__ void __launch_bounds__(kThreads)
    move_towards_kernel(const float* values, float weight, float* mean, int64_t n) {
  const int64_t stride = static_cast<int64_t>(gridDim.x) * kThreads;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < n; i += stride)
    mean[i] += weight * (values[i] - mean[i]);
}

unsigned blocks_of(int64_t n) { return static_cast<unsigned>(std::min<int64_t>((n + kThreads - 1) / kThreads, 4096)); }

}  // namespace

void queue_square_sums(Context& context, const float* x, int64_t n, double* sums) {
  context.launch("the gradients' norm", kNormBlocks, kThreads, 0, square_sums_kernel, x, n, sums);
}

void queue_root(Context& context, const double* sums, double* norm) {
  context.launch("the gradients' norm", 1, kNormBlocks, 0, norm_kernel, sums, norm);
}

void queue_update(Context& context, float* values, float* gradients, float* first, float* second, int64_t n,
                  const Update& update, const int64_t* decay_turns, const GradientScale& scale) {
  const DecayTurns turns{decay_turns, static_cast<int64_t>(update.decay_turns.size())};
  const auto& f = update.factors;
  if (update.rule == "adam") {
    const AdamFactors k{f[0], f[1], f[2], f[3], f[4], f[5], f[6], update.keep};
    context.launch("adam", blocks_of(n), kThreads, 0, adam_kernel, k, scale, turns, values, gradients, first, second,
                   n);
  } else if (update.rule == "nesterov") {
    const NesterovFactors k{f[0], f[1], update.keep};
    context.launch("nesterov", blocks_of(n), kThreads, 0, nesterov_kernel, k, scale, turns, values, gradients, first,
                   n);
  } else {
    fail(update.rule, ": no CUDA kernel for this optimizer; take --device cpu");
  }
}

void queue_move_towards(Context& context, const float* values, float weight, float* mean, int64_t n) {
  context.launch("the mean of the weights", blocks_of(n), kThreads, 0, move_towards_kernel, values, weight, mean, n);
}

}  // namespace storm::cuda
