// A warp a row, a lane 8 neighbouring columns of keys and values; the warp looks up how long its row's sentence is.
#include "ops/attention_memory.h"

#include "cuda/context.h"
#include "cuda/eights.cuh"
#include "cuda/sentences.cuh"

namespace storm::cuda {

namespace {

constexpr unsigned kWarps = 8, kThreads = kWarps * kWarp;

struct Rows {
  const int32_t* offsets;  // [sentences + 1]
  int64_t sentences, rows, n;
  float scale;
};

// The factor of the values of this row: scale times the root of the number of rows of its sentence.
__device__ __forceinline__ float factor_of(const Rows& f, int64_t row) {
  const Sentence s = sentence_of(f.offsets, f.sentences, row);
  return f.scale * sqrtf(static_cast<float>(s.end - s.begin));
}

__global__ void __launch_bounds__(kThreads) forward_kernel(Rows f, const float* z, const float* e, float* kv) {
  const int64_t r = static_cast<int64_t>(blockIdx.x) * kWarps + threadIdx.x / kWarp;
  if (r >= f.rows) return;
  const float factor = factor_of(f, r);
  for (int64_t c = threadIdx.x % kWarp * 8; c < f.n; c += kWarp * 8) {
    const Eight key = load8(z + r * f.n + c, f.n - c);
    Eight value = load8(e + r * f.n + c, f.n - c);
#pragma unroll
    for (int i = 0; i < 8; ++i) value.at[i] = factor * (key.at[i] + value.at[i]);
    store8(kv + r * 2 * f.n + c, key, f.n - c);
    store8(kv + r * 2 * f.n + f.n + c, value, f.n - c);
  }
}

struct Backward {
  const float* dkv;
  float *dz, *de;  // either may be null; the same where z and e are one value
  float beta_z, beta_e, z_gradient;
};

__global__ void __launch_bounds__(kThreads) backward_kernel(Rows f, Backward b) {
  const int64_t r = static_cast<int64_t>(blockIdx.x) * kWarps + threadIdx.x / kWarp;
  if (r >= f.rows) return;
  const float factor = factor_of(f, r);
  for (int64_t c = threadIdx.x % kWarp * 8; c < f.n; c += kWarp * 8) {
    Eight key = load8(b.dkv + r * 2 * f.n + c, f.n - c), value = load8(b.dkv + r * 2 * f.n + f.n + c, f.n - c);
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      value.at[i] *= factor;
      key.at[i] = b.z_gradient * (key.at[i] + value.at[i]);
    }
    if (b.dz) add8(b.dz + r * f.n + c, b.beta_z, key, f.n - c);
    if (b.de) add8(b.de + r * f.n + c, b.beta_e, value, f.n - c);
  }
}

Rows rows_of(const Execution& run, const Node& node) {
  const auto [rows, n] = run.shape(node.inputs[0]);
  check_offsets(run, node.inputs[2], rows, "attention_memory");
  return {run.data<int32_t>(node.inputs[2]), run.shape(node.inputs[2]).rows - 1, rows, n,
          node.attributes<AttentionMemoryAttributes>().scale};
}
unsigned blocks_of(int64_t rows) { return static_cast<unsigned>((rows + kWarps - 1) / kWarps); }

void forward(const Execution& run, const Node& node, Context& context) {
  const Rows f = rows_of(run, node);
  context.launch("attention_memory", blocks_of(f.rows), kThreads, 0, forward_kernel, f, run.data(node.inputs[0]),
                 run.data(node.inputs[1]), run.data(node.outputs[0]));
}

void backward(const Execution& run, const Node& node, Context& context) {
  const Rows f = rows_of(run, node);
  const Backward b{.dkv = run.gradient(node.outputs[0]),
                   .dz = run.gradient(node.inputs[0]),
                   .de = run.gradient(node.inputs[1]),
                   .beta_z = run.beta(node, 0),
                   .beta_e = run.beta(node, 1),
                   .z_gradient = node.attributes<AttentionMemoryAttributes>().z_gradient};
  context.launch("attention_memory backward", blocks_of(f.rows), kThreads, 0, backward_kernel, f, b);
}

const Kernels kAttentionMemory{"attention_memory", forward, backward};

}  // namespace

}  // namespace storm::cuda
