// A block a row. Each thread has a run of neighbouring columns and sums their weights, in f64 as the CPU does; one of
// them finds the run, and in it the column, where the sum passes the threshold. The row is read three times, all but
// the first out of the caches: memory's pace.
#include "ops/draw.h"

#include "cuda/context.h"
#include "cuda/rows.cuh"

namespace storm::cuda {

namespace {

constexpr unsigned kThreads = 256, kWarps = kThreads / kWarp;

struct Draw {
  const float* x;          // [rows, n]
  const double* uniforms;  // [rows]
  const int32_t* banned;   // [rows]
  int32_t* ids;            // [rows]
  float* log_probs;        // [rows]
  double* totals;          // [rows]
  int64_t n;
  float inverse_temperature;
};

__global__ void __launch_bounds__(kThreads) draw_kernel(Draw f) {
  __shared__ float parts[kWarps];
  __shared__ double sums[kThreads];
  const int64_t row = blockIdx.x, banned = f.banned[row], n = f.n;
  const float* x = f.x + row * n;
  float largest = -INFINITY;
  for (int64_t i = threadIdx.x; i < n; i += kThreads)
    if (i != banned && x[i] > largest) largest = x[i];
  largest = block_max<kWarps>(largest, parts);
  const auto weight = [&](int64_t i) {
    return i == banned ? 0.0 : static_cast<double>(expf((x[i] - largest) * f.inverse_temperature));
  };
  const int64_t run = (n + kThreads - 1) / kThreads;
  const auto end_of = [&](int64_t thread) { return (thread + 1) * run < n ? (thread + 1) * run : n; };
  double sum = 0;
  for (int64_t i = threadIdx.x * run; i < end_of(threadIdx.x); ++i) sum += weight(i);
  sums[threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.x > 0) return;
  double left = 0;
#pragma unroll 8  // all 256 at once would not fit the registers
  for (unsigned t = 0; t < kThreads; ++t) left += sums[t];
  f.totals[row] = left;
  left *= f.uniforms[row];
  int64_t t = 0, last = 0;
#pragma unroll 1
  for (; t < kThreads && !(left < sums[t]); ++t) {
    left -= sums[t];
    if (sums[t] > 0) last = t;
  }
  if (t == kThreads) t = last;  // rounding
  int64_t id = banned == 0 && n > 1 ? 1 : 0;
  for (int64_t i = t * run; i < end_of(t); ++i) {
    const double w = weight(i);
    if (w > 0) id = i;
    left -= w;
    if (left < 0) break;
  }
  f.ids[row] = static_cast<int32_t>(id);
  f.log_probs[row] = x[id];
}

void forward(const Execution& run, const Node& node, Context& context) {
  const auto [rows, n] = run.shape(node.inputs[0]);
  const Draw f{.x = run.data(node.inputs[0]),
               .uniforms = run.data<double>(node.inputs[1]),
               .banned = run.data<int32_t>(node.inputs[2]),
               .ids = run.data<int32_t>(node.outputs[0]),
               .log_probs = run.data(node.outputs[1]),
               .totals = run.data<double>(node.outputs[2]),
               .n = n,
               .inverse_temperature = static_cast<float>(1 / node.attributes<DrawAttributes>().temperature)};
  context.launch("draw", static_cast<unsigned>(rows), kThreads, 0, draw_kernel, f);
}

const Kernels kDraw{"draw", forward};

}  // namespace

}  // namespace storm::cuda
