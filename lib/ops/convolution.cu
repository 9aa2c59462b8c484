// Windows are laid out block by block, so that each block is one matrix product. A warp takes a row of the input, reads
// and drops it out once and writes it into each window that holds it; backward, it adds its shares of the windows'
// gradients, in their order. So x and its gradient move once whatever the kernel's width, and nothing needs atomics.
#include "ops/convolution.h"

#include <algorithm>
#include <tuple>

#include "cuda/context.h"
#include "cuda/eights.cuh"
#include "cuda/sentences.cuh"

namespace storm::cuda {

namespace {

constexpr unsigned kWarps = 8, kThreads = kWarps * kWarp;

unsigned blocks_of(int64_t count, int64_t each) { return static_cast<unsigned>((count + each - 1) / each); }

// The windows of rows [first, last), and the rows [low, high) that they hold.
struct Block {
  const int32_t* offsets;
  int64_t sentences, in, window, left, right;
  int64_t first, last, low, high;
  float* windows;  // [last - first, window]
};

// What a warp has to do with its row.
struct Row {
  int64_t row;
  Sentence sentence;
  int64_t from, to;  // the windows that hold it
};
__device__ __forceinline__ Row row_of(const Block& b) {
  Row r{};
  r.row = b.low + static_cast<int64_t>(blockIdx.x) * kWarps + threadIdx.x / kWarp;
  if (r.row >= b.high) return r;
  r.sentence = sentence_of(b.offsets, b.sentences, r.row);
  r.from = std::max({r.row - b.right, r.sentence.begin, b.first});
  r.to = std::min({r.row + b.left + 1, r.sentence.end, b.last});
  return r;
}
// Where window w has the row.
__device__ __forceinline__ float* place(const Block& b, int64_t w, int64_t row) {
  return b.windows + (w - b.first) * b.window + (row - w + b.left) * b.in;
}

__global__ void __launch_bounds__(kThreads) lay_kernel(Block b, const float* x, DropoutStream stream) {
  const Row r = row_of(b);
  if (r.row >= b.high) return;
  // The row's own window, if it is of this block: what it has beyond the sentence's ends is zeros.
  const bool own = r.row >= b.first && r.row < b.last;
  const int64_t begins = r.row - b.left, ends = r.row + b.right + 1;
  for (int64_t c = threadIdx.x % kWarp * 8; c < b.in; c += kWarp * 8) {
    Eight value = load8(x + r.row * b.in + c, b.in - c);
    if (stream.active()) drop8(value, stream, r.row, c);
    for (int64_t w = r.from; w < r.to; ++w) store8(place(b, w, r.row) + c, value, b.in - c);
    if (!own) continue;
    float* out = b.windows + (r.row - b.first) * b.window + c;
    for (int64_t t = begins; t < r.sentence.begin; ++t) store8(out + (t - begins) * b.in, Eight{}, b.in - c);
    for (int64_t t = r.sentence.end; t < ends; ++t) store8(out + (t - begins) * b.in, Eight{}, b.in - c);
  }
}

// dx = beta * dx + the row's shares of the windows' gradients. Blocks come in order: a row before `fresh` already holds
// what an earlier one gave it.
__global__ void __launch_bounds__(kThreads)
    gather_kernel(Block b, int64_t fresh, float beta, float* dx, DropoutStream stream) {
  const Row r = row_of(b);
  if (r.row >= b.high) return;
  for (int64_t c = threadIdx.x % kWarp * 8; c < b.in; c += kWarp * 8) {
    Eight sum{};
    for (int64_t w = r.from; w < r.to; ++w) {
      const Eight part = load8(place(b, w, r.row) + c, b.in - c);
#pragma unroll
      for (int i = 0; i < 8; ++i) sum.at[i] += part.at[i];
    }
    if (stream.active()) drop8(sum, stream, r.row, c);
    add8(dx + r.row * b.in + c, r.row >= fresh ? beta : 1.0f, sum, b.in - c);
  }
}

// A node's convolution.
struct Convolution {
  Convolution(const Execution& run, const Node& node, Context& context)
      : x(run.data(node.inputs[0])), rows(run.shape(node.inputs[0]).rows) {
    const auto [reach, dropout] = node.attributes<ConvolutionAttributes>();
    all.offsets = run.data<int32_t>(node.inputs[2]);
    all.sentences = run.shape(node.inputs[2]).rows - 1;
    all.in = run.shape(node.inputs[0]).cols;
    all.window = run.shape(node.inputs[1]).cols;
    const int64_t kernel = all.window / all.in;
    all.left = reach == Reach::causal ? kernel - 1 : (kernel - 1) / 2;
    all.right = kernel - 1 - all.left;
    check_offsets(run, node.inputs[2], rows, "convolution");
    stream = dropout_of(run, node, run.gradients() ? dropout : 0);
    plain = kernel == 1 && !stream.active();
    // Half of the workspace: enough rows to fill a card with one product, and its windows stay in the L2 cache.
    const auto row_bytes = static_cast<std::size_t>(all.window) * sizeof(float);
    step = std::max<int64_t>(static_cast<int64_t>(context.workspace_bytes() / 2 / row_bytes) / 16 * 16, 16);
    step = plain ? rows : std::min(step, rows);
    if (!plain) all.windows = static_cast<float*>(context.workspace(static_cast<std::size_t>(step) * row_bytes));
  }

  Block block(int64_t first) const {
    Block b = all;
    b.first = first;
    b.last = std::min(rows, first + step);
    b.low = std::max<int64_t>(first - b.left, 0);
    b.high = std::min(rows, b.last + b.right);
    return b;
  }
  const float* windows(const Block& b, Context& context) const {
    if (plain) return x;
    context.launch("convolution, its windows", blocks_of(b.high - b.low, kWarps), kThreads, 0, lay_kernel, b, x,
                   stream);
    return b.windows;
  }

  const float* x;
  int64_t rows, step;  // step: rows of a block
  bool plain;          // the windows are the rows themselves
  DropoutStream stream;
  Block all{};
};

void forward(const Execution& run, const Node& node, Context& context) {
  const Convolution c(run, node, context);
  const int64_t out = run.shape(node.outputs[0]).cols, window = c.all.window;
  const Operand weight = context.operand(run.data(node.inputs[1]), out, window);
  for (int64_t first = 0; first < c.rows; first += c.step) {
    const Block b = c.block(first);
    const int64_t count = b.last - first;
    context.gemm(false, true, count, out, window, context.operand(c.windows(b, context), count, window), weight, 0,
                 run.data(node.outputs[0]) + first * out, out);
  }
}

void backward(const Execution& run, const Node& node, Context& context) {
  const Convolution c(run, node, context);
  const int64_t out = run.shape(node.outputs[0]).cols, window = c.all.window;
  float *dx = run.gradient(node.inputs[0]), *dw = run.gradient(node.inputs[1]);
  const Operand weight = dx ? context.operand(run.data(node.inputs[1]), out, window) : Operand{};
  const Operand dy = context.operand(run.gradient(node.outputs[0]), c.rows, out);
  const float beta = run.beta(node, 0), beta_w = run.beta(node, 1);
  if (dw && beta_w == 0 && c.rows == 0)
    context.clear("convolution", dw, static_cast<std::size_t>(out * window) * sizeof(float));
  for (int64_t first = 0; first < c.rows; first += c.step) {
    const Block b = c.block(first);
    const int64_t count = b.last - first;
    const Operand part = dy.from_row(first);
    if (dw)
      context.gemm(true, false, out, window, count, part, context.operand(c.windows(b, context), count, window),
                   first == 0 ? beta_w : 1.0f, dw, window);
    if (!dx) continue;
    if (c.plain) {
      context.gemm(false, false, count, window, out, part, weight, beta, dx, window);
      continue;
    }
    // Where the windows lay, which are done with.
    context.gemm(false, false, count, window, out, part, weight, 0, b.windows, window);
    context.launch("convolution backward", blocks_of(b.high - b.low, kWarps), kThreads, 0, gather_kernel, b,
                   first == 0 ? int64_t{0} : first + b.right, beta, dx, c.stream);
  }
}

const Kernels kConvolution{"convolution", forward, backward};

// A block a row of 256 columns of a window: the row's number needs no division.
__global__ void __launch_bounds__(kThreads)
    step_kernel(const float* x, const float* windows, const int32_t* parents, int64_t in, int64_t window, float* out) {
  const int64_t row = blockIdx.x, i = static_cast<int64_t>(blockIdx.y) * kThreads + threadIdx.x, past = window - in;
  if (i >= window) return;
  float value = 0;
  if (i >= past)
    value = x[row * in + i - past];
  else if (windows)
    value = windows[parents[row] * window + in + i];
  out[row * window + i] = value;
}

void step_forward(const Execution& run, const Node& node, Context& context) {
  const auto [x, windows, parents] = std::tuple(node.inputs[0], node.inputs[1], node.inputs[2]);
  const auto [rows, in] = run.shape(x);
  const int64_t window = run.shape(node.outputs[0]).cols;
  if (windows) {
    require(run.graph()[parents].origin == Origin::constant, "next_windows: its parents are no constant");
    const auto* host = static_cast<const int32_t*>(run.graph()[parents].data);
    for (int64_t r = 0; r < rows; ++r)
      require(host[r] >= 0 && host[r] < run.shape(windows).rows, "next_windows: row ", r, " goes on from row ", host[r],
              " of ", run.shape(windows).rows);
  }
  context.launch("next_windows", {static_cast<unsigned>(rows), blocks_of(window, kThreads)}, kThreads, 0, step_kernel,
                 run.data(x), run.data_or_null(windows), run.data_or_null<int32_t>(parents), in, window,
                 run.data(node.outputs[0]));
}

const Kernels kNextWindows{"next_windows", step_forward};

}  // namespace

}  // namespace storm::cuda
