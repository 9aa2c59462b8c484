// A block a row. top_k: each of its threads keeps the best of every 256th column; then one warp takes the best of these
// k times, and looks for the next one only among the columns of the thread that had it. So the row is read twice (the
// second time out of the L2 cache, for the softmax's sum) and then k times in 256 parts.
#include "ops/top_k.h"

#include "cuda/context.h"
#include "cuda/rows.cuh"

namespace storm::cuda {

namespace {

constexpr unsigned kThreads = 256, kWarps = kThreads / kWarp;

// Orders (value, column) as top_k does: larger is better, of equal values the lower column; -0 is 0 and NaN -infinity.
// 0: none.
using Key = unsigned long long;

__device__ __forceinline__ Key key_of(float value, int64_t column) {
  const float x = value >= -INFINITY ? value + 0.0f : -INFINITY;
  const auto bits = static_cast<unsigned>(__float_as_int(x));
  const unsigned ordered = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
  return static_cast<Key>(ordered) << 32 | (0xffffffffu - static_cast<unsigned>(column));
}
__device__ __forceinline__ float value_of(Key key) {
  const auto ordered = static_cast<unsigned>(key >> 32);
  return __int_as_float(static_cast<int>(ordered & 0x80000000u ? ordered ^ 0x80000000u : ~ordered));
}
__device__ __forceinline__ unsigned column_of(Key key) { return 0xffffffffu - static_cast<unsigned>(key); }

__device__ __forceinline__ Key warp_best(Key x) {
  for (int by = 16; by > 0; by /= 2) {
    const Key other = __shfl_xor_sync(kAll, x, by);
    x = other > x ? other : x;
  }
  return x;
}

// e^(x - largest) over this thread's columns: NaN when one of them is, or when the largest is infinite.
__device__ __forceinline__ float exp_sum(const float* x, int64_t n, float largest) {
  float sum = 0;
  for (int64_t i = threadIdx.x; i < n; i += kThreads) sum += expf(x[i] - largest);
  return sum;
}

__global__ void __launch_bounds__(kThreads)
    top_k_kernel(const float* logits, int64_t n, int64_t k, float* log_probs, int32_t* ids) {
  __shared__ Key best[kThreads];
  __shared__ float parts[kWarps];
  const float* x = logits + static_cast<int64_t>(blockIdx.x) * n;
  Key mine = 0;
  for (int64_t i = threadIdx.x; i < n; i += kThreads) {
    const Key key = key_of(x[i], i);
    mine = key > mine ? key : mine;
  }
  best[threadIdx.x] = mine;
  const float largest = block_max<kWarps>(mine ? value_of(mine) : -INFINITY, parts);
  const float log_sum = logf(block_sum<kWarps>(exp_sum(x, n, largest), parts));
  if (threadIdx.x >= kWarp) return;
  // A lane keeps the best of the threads of its number modulo 32: of the columns that are its own modulo 32.
  const unsigned lane = threadIdx.x;
  mine = 0;
  for (unsigned t = lane; t < kThreads; t += kWarp) mine = best[t] > mine ? best[t] : mine;
  const int64_t out = static_cast<int64_t>(blockIdx.x) * k;
  for (int64_t r = 0; r < k; ++r) {
    const Key taken = warp_best(mine);
    const unsigned column = column_of(taken), thread = column % kThreads;
    if (lane == 0) {
      ids[out + r] = static_cast<int32_t>(column);
      log_probs[out + r] = (value_of(taken) - largest) - log_sum;
    }
    Key next = 0;  // the best that this thread had not given yet
    for (int64_t i = thread + static_cast<int64_t>(lane) * kThreads; i < n; i += kWarp * kThreads) {
      const Key key = key_of(x[i], i);
      if (key < taken && key > next) next = key;
    }
    next = warp_best(next);
    if (lane == thread % kWarp) {
      best[thread] = next;
      mine = 0;
      for (unsigned t = lane; t < kThreads; t += kWarp) mine = best[t] > mine ? best[t] : mine;
    }
  }
}

// y may be x: each thread reads and writes columns of its own.
__global__ void __launch_bounds__(kThreads) log_softmax_kernel(const float* logits, int64_t n, float* log_probs) {
  __shared__ float parts[kWarps];
  const int64_t at = static_cast<int64_t>(blockIdx.x) * n;
  const float* x = logits + at;
  float largest = -INFINITY;
  for (int64_t i = threadIdx.x; i < n; i += kThreads) largest = x[i] > largest ? x[i] : largest;
  largest = block_max<kWarps>(largest, parts);
  const float log_sum = logf(block_sum<kWarps>(exp_sum(x, n, largest), parts));
  for (int64_t i = threadIdx.x; i < n; i += kThreads) log_probs[at + i] = (x[i] - largest) - log_sum;
}

__global__ void __launch_bounds__(kThreads)
    pick_kernel(const float* x, const int32_t* columns, int64_t rows, int64_t n, float* y) {
  const int64_t r = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (r < rows) y[r] = x[r * n + columns[r]];
}

__global__ void __launch_bounds__(kThreads) copy_kernel(const float* x, int64_t size, float* y) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i < size) y[i] = x[i];
}

__global__ void __launch_bounds__(kThreads)
    index_fill_kernel(const int32_t* columns, int64_t count, float value, int64_t rows, int64_t n, float* y) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i < rows * count) y[i / count * n + columns[i % count]] = value;
}

void top_k_forward(const Execution& run, const Node& node, Context& context) {
  const auto [rows, n] = run.shape(node.inputs[0]);
  const int64_t k = run.shape(node.outputs[0]).cols;
  if (k == 0) return;
  context.launch("top_k", static_cast<unsigned>(rows), kThreads, 0, top_k_kernel, run.data(node.inputs[0]), n, k,
                 run.data(node.outputs[0]), run.data<int32_t>(node.outputs[1]));
}

void log_softmax_forward(const Execution& run, const Node& node, Context& context) {
  const auto [rows, n] = run.shape(node.inputs[0]);
  context.launch("log_softmax", static_cast<unsigned>(rows), kThreads, 0, log_softmax_kernel, run.data(node.inputs[0]),
                 n, run.data(node.outputs[0]));
}

// A thread a row: there are few, and each reads one number.
void pick_forward(const Execution& run, const Node& node, Context& context) {
  const auto [rows, n] = run.shape(node.inputs[0]);
  context.launch("pick", static_cast<unsigned>((rows + kThreads - 1) / kThreads), kThreads, 0, pick_kernel,
                 run.data(node.inputs[0]), run.data<int32_t>(node.inputs[1]), rows, n, run.data(node.outputs[0]));
}

// In place there is nothing to copy, which is the rule: only a few numbers are written.
void index_fill_forward(const Execution& run, const Node& node, Context& context) {
  const auto [rows, n] = run.shape(node.inputs[0]);
  const int64_t count = run.shape(node.inputs[1]).rows;
  const float* x = run.data(node.inputs[0]);
  float* y = run.data(node.outputs[0]);
  const auto blocks = [](int64_t threads) { return static_cast<unsigned>((threads + kThreads - 1) / kThreads); };
  if (y != x) context.launch("index_fill", blocks(rows * n), kThreads, 0, copy_kernel, x, rows * n, y);
  context.launch("index_fill", blocks(rows * count), kThreads, 0, index_fill_kernel, run.data<int32_t>(node.inputs[1]),
                 count, node.attributes<IndexFillAttributes>().value, rows, n, y);
}

const Kernels kTopK{"top_k", top_k_forward}, kLogSoftmax{"log_softmax", log_softmax_forward},
    kPick{"pick", pick_forward}, kIndexFill{"index_fill", index_fill_forward};

}  // namespace

}  // namespace storm::cuda
