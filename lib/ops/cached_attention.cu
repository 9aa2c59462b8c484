// A warp a row and head: its lanes share the head's columns, so that keys and values are read in whole lines, each
// once; 32 steps at a time go through an online softmax, a lane a step. Memory's pace where there are some hundred
// rows.
#include "ops/cached_attention.h"

#include <cmath>

#include "cuda/context.h"
#include "cuda/rows.cuh"

namespace storm::cuda {

namespace {

constexpr unsigned kWarps = 4, kThreads = kWarps * kWarp;

struct Step {
  const float* qkv;     // [rows, heads * (2 d_k + d_v)]
  float* const* steps;  // [step + 1]: of each, keys and values [rows of the step, heads * (d_k + d_v)]
  const int32_t* path;  // [rows, path_stride], as the op's header says
  const int32_t* first; // [rows]: where each row's past begins; null: at the first step
  float* out;           // [rows, heads * d_v]
  const int32_t* step;  // the step's number: in memory, so that the launches of one step are those of the next
  int64_t rows, path_stride;
  int heads, d_k, d_v;
  float scale;
};

// A head is at most kColumns * 32 wide.
template <int kColumns>
__global__ void __launch_bounds__(kThreads) step_kernel(Step f) {
  const int64_t task = static_cast<int64_t>(blockIdx.x) * kWarps + threadIdx.x / kWarp;
  if (task >= f.rows * f.heads) return;
  const int64_t row = task / f.heads, head = task % f.heads;
  const int lane = threadIdx.x % kWarp, step = *f.step;
  const int64_t k_width = static_cast<int64_t>(f.heads) * f.d_k, v_width = static_cast<int64_t>(f.heads) * f.d_v;
  const int64_t width = k_width + v_width, k_at = head * f.d_k, v_at = k_width + head * f.d_v;
  const float* qkv = f.qkv + row * (k_width + width);
  float* now = f.steps[step] + row * width;
  float q[kColumns], out[kColumns];
  // This step's keys and values go to the cache; a lane reads there only what it wrote itself.
#pragma unroll
  for (int c = 0; c < kColumns; ++c) {
    const int i = lane + c * static_cast<int>(kWarp);
    q[c] = i < f.d_k ? qkv[k_at + i] * f.scale : 0.0f;
    out[c] = 0;
    if (i < f.d_k) now[k_at + i] = qkv[k_width + k_at + i];
    if (i < f.d_v) now[v_at + i] = qkv[k_width + v_at + i];
  }
  float largest = -3.4e38f, sum = 0;
  for (int first = f.first ? f.first[row] : 0; first <= step; first += static_cast<int>(kWarp)) {
    const int steps = step + 1 - first < static_cast<int>(kWarp) ? step + 1 - first : static_cast<int>(kWarp);
    int64_t past = reinterpret_cast<int64_t>(now);  // the row that this lane's step looks at
    if (const int s = first + lane; s < step)
      past = reinterpret_cast<int64_t>(f.steps[s] + f.path[row * f.path_stride + s] * width);
    float score = -3.4e38f;
    for (int s = 0; s < steps; ++s) {
      const float* k = reinterpret_cast<const float*>(__shfl_sync(kAll, past, s)) + k_at;
      float dot = 0;
#pragma unroll
      for (int c = 0; c < kColumns; ++c) {
        const int i = lane + c * static_cast<int>(kWarp);
        if (i < f.d_k) dot += q[c] * k[i];
      }
      dot = warp_sum(dot);
      if (lane == s) score = dot;
    }
    float most = warp_max(score);
    if (largest > most) most = largest;
    const float shrink = expf(largest - most), p = lane < steps ? expf(score - most) : 0.0f;
    sum = sum * shrink + warp_sum(p);
    largest = most;
#pragma unroll
    for (int c = 0; c < kColumns; ++c) out[c] *= shrink;
    for (int s = 0; s < steps; ++s) {
      const float* v = reinterpret_cast<const float*>(__shfl_sync(kAll, past, s)) + v_at;
      const float weight = __shfl_sync(kAll, p, s);
#pragma unroll
      for (int c = 0; c < kColumns; ++c) {
        const int i = lane + c * static_cast<int>(kWarp);
        if (i < f.d_v) out[c] += weight * v[i];
      }
    }
  }
#pragma unroll
  for (int c = 0; c < kColumns; ++c) {
    const int i = lane + c * static_cast<int>(kWarp);
    if (i < f.d_v) f.out[row * v_width + head * f.d_v + i] = out[c] / sum;
  }
}

void forward(const Execution& run, const Node& node, Context& context) {
  const auto [step, heads, d_k, d_v] = node.attributes<CachedAttentionAttributes>();
  const int32_t step_number = step;
  const int64_t rows = run.shape(node.inputs[0]).rows;
  const Step f{.qkv = run.data(node.inputs[0]),
               .steps = run.data<float*>(node.inputs[1]),
               .path = run.data_or_null<int32_t>(node.inputs[2]),
               .first = run.data_or_null<int32_t>(node.inputs[3]),
               .out = run.data(node.outputs[0]),
               .step = context.staged(std::span<const int32_t>(&step_number, 1)),
               .rows = rows,
               .path_stride = node.inputs[2] ? run.shape(node.inputs[2]).cols : 0,
               .heads = heads,
               .d_k = d_k,
               .d_v = d_v,
               .scale = 1 / std::sqrt(static_cast<float>(d_k))};
  const int32_t widest = d_k > d_v ? d_k : d_v;
  require(widest <= 256, "cached_attention: heads are ", widest, " wide, on a device at most 256");
  const auto kernel = widest <= 32    ? step_kernel<1>
                      : widest <= 64  ? step_kernel<2>
                      : widest <= 128 ? step_kernel<4>
                                      : step_kernel<8>;
  context.launch("cached_attention", static_cast<unsigned>((rows * heads + kWarps - 1) / kWarps), kThreads, 0, kernel,
                 f);
}

const Kernels kCachedAttention{"cached_attention", forward};

}  // namespace

}  // namespace storm::cuda
