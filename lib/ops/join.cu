// A thread 8 neighbouring columns of the result, which share one Philox call: both passes only move memory.
#include "ops/join.h"

#include "cuda/context.h"
#include "cuda/rows.cuh"

namespace storm::cuda {

namespace {

constexpr unsigned kThreads = 256;

struct Parts {
  const float* data[kJoinParts];
  int64_t width[kJoinParts];  // 0: not there
};

// The factor of a row's column i, of which so many neighbours are dropped out together; bits: of the group of 8 that i
// is in, where none are.
__device__ __forceinline__ float factor_of(const DropoutStream& stream, const uint4& bits, int64_t mask, int64_t i,
                                           int64_t together) {
  if (together == 1) return dropout_factor(stream, bits, i);
  const int64_t head = i / together;
  return dropout_factor(stream, dropout_bits(stream, mask, static_cast<uint32_t>(head / 8)), head);
}

// y: [rows, n]; y may lie where the only part does. mask_rows: [rows], which row's mask each takes; null: its own.
__global__ void __launch_bounds__(kThreads) forward_kernel(Parts parts, DropoutStream stream, const int32_t* mask_rows,
                                                           int64_t together, int64_t rows, int64_t n, float* y) {
  const int64_t groups = (n + 7) / 8, place = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  const int64_t row = place / groups, first = place % groups * 8;
  if (row >= rows) return;
  uint4 bits{};
  const int64_t mask = mask_rows ? mask_rows[row] : row;
  if (stream.active()) bits = dropout_bits(stream, mask, static_cast<uint32_t>(first / 8));
  std::size_t part = 0;
  int64_t begin = 0;  // the part's first column
  for (int64_t i = first; i < first + 8 && i < n; ++i) {
    while (i >= begin + parts.width[part]) begin += parts.width[part++];
    const float value = parts.data[part][row * parts.width[part] + i - begin];
    y[row * n + i] = stream.active() ? value * factor_of(stream, bits, mask, i, together) : value;
  }
}

// d = beta * d + the gradient of the columns [begin, begin + width) of y.
__global__ void __launch_bounds__(kThreads)
    backward_kernel(const float* dy, DropoutStream stream, const int32_t* mask_rows, int64_t together, int64_t rows,
                    int64_t n, int64_t begin, int64_t width, float beta, float* d) {
  const int64_t groups = (begin + width + 7) / 8 - begin / 8,
                place = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  const int64_t row = place / groups, first = (begin / 8 + place % groups) * 8;
  if (row >= rows) return;
  uint4 bits{};
  const int64_t mask = mask_rows ? mask_rows[row] : row;
  if (stream.active()) bits = dropout_bits(stream, mask, static_cast<uint32_t>(first / 8));
  for (int64_t i = first < begin ? begin : first; i < first + 8 && i < begin + width; ++i) {
    float value = dy[row * n + i];
    if (stream.active()) value *= factor_of(stream, bits, mask, i, together);
    float& to = d[row * width + i - begin];
    to = beta == 0 ? value : to + value;
  }
}

unsigned blocks_of(int64_t threads) { return static_cast<unsigned>((threads + kThreads - 1) / kThreads); }

void forward(const Execution& run, const Node& node, Context& context) {
  const auto [rows, n] = run.shape(node.outputs[0]);
  Parts parts{};
  for (std::size_t i = 0; i < kJoinParts && node.inputs[i]; ++i) {
    parts.data[i] = run.data(node.inputs[i]);
    parts.width[i] = run.shape(node.inputs[i]).cols;
  }
  const auto [dropout, together] = node.attributes<JoinAttributes>();
  const DropoutStream stream = dropout_of(run, node, run.gradients() ? dropout : 0);
  context.launch("join", blocks_of(rows * ((n + 7) / 8)), kThreads, 0, forward_kernel, parts, stream,
                 run.data_or_null<int32_t>(node.inputs[kJoinParts]), together, rows, n, run.data(node.outputs[0]));
}

// A launch a part: two of them may be one value, whose gradient gets the one after the other.
void backward(const Execution& run, const Node& node, Context& context) {
  const auto [rows, n] = run.shape(node.outputs[0]);
  const auto [dropout, together] = node.attributes<JoinAttributes>();
  const DropoutStream stream = dropout_of(run, node, dropout);
  int64_t begin = 0;
  for (std::size_t i = 0; i < kJoinParts && node.inputs[i]; ++i) {
    const int64_t width = run.shape(node.inputs[i]).cols;
    if (float* d = run.gradient(node.inputs[i]))
      context.launch("join backward", blocks_of(rows * ((begin + width + 7) / 8 - begin / 8)), kThreads, 0,
                     backward_kernel, run.gradient(node.outputs[0]), stream,
                     run.data_or_null<int32_t>(node.inputs[kJoinParts]), together, rows, n, begin, width,
                     run.beta(node, i), d);
    begin += width;
  }
}

const Kernels kJoin{"join", forward, backward};

}  // namespace

}  // namespace storm::cuda
