#include "ops/cell_walk.cuh"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "cuda/rows.cuh"
#include "ops/scratch.h"

namespace storm::cuda {

namespace {

constexpr unsigned kThreads = 128;
constexpr int64_t kSumBlocks = 256;

unsigned blocks_of(int64_t count, int64_t each) { return static_cast<unsigned>((count + each - 1) / each); }
// A block a row and kThreads of its columns, as the cells' kernels.
dim3 grid_of(int64_t rows, int64_t n) { return {static_cast<unsigned>(rows), blocks_of(n, kThreads)}; }

// Before the first step: the masks of the sentences and the masked states. A thread 8 neighbouring columns, which share
// one Philox call. factors, masked: [sentences, h], in the order of the steps; either may be null.
__global__ void __launch_bounds__(kThreads)
    begin_kernel(const int32_t* order, const float* initial, DropoutStream stream, int64_t h, float* factors,
                 float* masked) {
  const int64_t i = blockIdx.x, first = (static_cast<int64_t>(blockIdx.y) * kThreads + threadIdx.x) * 8;
  if (first >= h) return;
  const int64_t sentence = order[i];
  uint4 bits{};
  if (factors) bits = dropout_bits(stream, sentence, static_cast<uint32_t>(first / 8));
  for (int64_t c = first; c < first + 8 && c < h; ++c) {
    const float factor = factors ? dropout_factor(stream, bits, c) : 1.0f;
    if (factors) factors[i * h + c] = factor;
    if (masked) masked[i * h + c] = initial ? factor * initial[sentence * h + c] : 0.0f;
  }
}

// Row p in the order of the steps is row rows[p] of the batch, of the ranks[p]-th longest sentence; the first `active`
// ones are of step 0, and what was before these is a row of initial, or zeros.
__global__ void __launch_bounds__(kThreads)
    rows_before_kernel(const int32_t* rows, const int32_t* ranks, Before before, int64_t active, const float* factors,
                       int64_t n, float* to) {
  const int64_t p = blockIdx.x, c = static_cast<int64_t>(blockIdx.y) * kThreads + threadIdx.x;
  if (c >= n) return;
  const int64_t row = rows[p], i = ranks[p];
  float value = 0;
  if (p >= active)
    value = before.of_tokens[(row + before.back) * n + c];
  else if (before.initial)
    value = before.initial[before.order[i] * n + c];
  to[row * n + c] = factors ? value * factors[i * n + c] : value;
}

// The gradient of the states before the first step, from the order of the steps to that of the sentences.
__global__ void __launch_bounds__(kThreads)
    initial_kernel(const int32_t* order, const float* d, const float* pulled, const float* factors, int64_t pulled_rows,
                   int64_t h, float beta, float* to) {
  const int64_t i = blockIdx.x, c = static_cast<int64_t>(blockIdx.y) * kThreads + threadIdx.x;
  if (c >= h) return;
  float sum = d[i * h + c];
  if (i < pulled_rows) sum += pulled[i * h + c] * factors[i * h + c];
  float& into = to[order[i] * h + c];
  into = beta == 0 ? sum : into + sum;
}

__global__ void __launch_bounds__(kThreads) add_kernel(const float* from, int64_t n, float* into) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i < n) into[i] += from[i];
}

// parts[b] = the sums over `each` rows of d, by columns: a thread a column, whose loads lie side by side.
__global__ void __launch_bounds__(kThreads)
    column_sums_kernel(const float* d, int64_t rows, int64_t n, int64_t each, float* parts) {
  const int64_t c = static_cast<int64_t>(blockIdx.y) * kThreads + threadIdx.x, begin = blockIdx.x * each;
  if (c >= n) return;
  float sum = 0;
  for (int64_t r = begin; r < begin + each && r < rows; ++r) sum += d[r * n + c];
  parts[blockIdx.x * n + c] = sum;
}

__global__ void __launch_bounds__(kThreads)
    add_parts_kernel(const float* parts, int64_t blocks, int64_t n, float beta, float* into) {
  const int64_t c = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (c >= n) return;
  float sum = 0;
  for (int64_t b = 0; b < blocks; ++b) sum += parts[b * n + c];
  into[c] = beta == 0 ? sum : into[c] + sum;
}

}  // namespace

const int32_t* host_values(const Execution& run, Value v, const char* op) {
  const ValueInfo& info = run.graph()[v];
  require(info.origin == Origin::constant && info.dtype == DType::I32, op, ": its offsets are no constant");
  return static_cast<const int32_t*>(info.data);
}

void add_column_sums(Context& context, const char* what, const float* d, int64_t rows, int64_t n, float beta,
                     float* into) {
  const int64_t each = std::max<int64_t>(32, (rows + kSumBlocks - 1) / kSumBlocks), blocks = (rows + each - 1) / each;
  auto* parts = static_cast<float*>(context.workspace(static_cast<std::size_t>(blocks * n) * sizeof(float)));
  context.launch(what, grid_of(blocks, n), kThreads, 0, column_sums_kernel, d, rows, n, each, parts);
  context.launch(what, blocks_of(n, kThreads), kThreads, 0, add_parts_kernel, static_cast<const float*>(parts), blocks,
                 n, beta, into);
}

CellWalk::CellWalk(const Execution& run, const Node& node, const CellAttributes& attributes, Context& context,
                   bool backward)
    : steps(host_values(run, node.inputs[3], node.op->name), run.shape(node.inputs[3]).rows - 1,
            run.shape(node.inputs[0]).rows, attributes.reverse, node.op->name),
      h(run.shape(node.inputs[1]).cols),
      width(run.shape(node.inputs[1]).rows),
      sentences(run.shape(node.inputs[3]).rows - 1),
      tokens(run.shape(node.inputs[0]).rows),
      run_(run),
      node_(node),
      attributes_(attributes),
      context_(context),
      weight_(run.data(node.inputs[1])),
      bias_(backward ? nullptr : run.data_or_null(node.inputs[2])),
      gates_(run.data(node.outputs[0])),
      states_(run.data(node.outputs[1])),
      extra_(run.data(node.outputs[2])) {
  // One copy to the device: the sentences' order, the rows of all steps, and backward which row of its step each is.
  std::vector<int32_t> index(steps.order().begin(), steps.order().end());
  index.insert(index.end(), steps.rows().begin(), steps.rows().end());
  if (backward) {
    index.resize(index.size() + steps.rows().size());
    for (int64_t t = 0; t < steps.count(); ++t)
      std::iota(index.end() - tokens + steps.begin(t), index.end() - tokens + steps.begin(t) + steps.active(t), 0);
  }
  order_ = context.staged(std::span<const int32_t>(index));
  rows_ = order_ + sentences;
  if (backward) ranks_ = rows_ + tokens;

  const DropoutStream dropout = dropout_of(run, node, run.gradients() ? attributes.dropout : 0);
  float* scratch = backward ? run.scratch_backward(node) : run.scratch_forward(node);
  float* const cleared = scratch;
  masked_ = state_ = cut(scratch, sentences * h);
  if (attributes.cell == Cell::lstm) memory_ = cut(scratch, sentences * h);
  const auto cleared_bytes = static_cast<std::size_t>(scratch - cleared) * sizeof(float);
  product_ = cut(scratch, sentences * width);
  if (dropout.active()) {
    masked_ = cut(scratch, sentences * h);
    factors_ = cut(scratch, sentences * ((h + 7) / 8 * 8));
  }
  if (!backward || factors_)
    context.launch(node.op->name, grid_of(sentences, (h + 7) / 8), kThreads, 0, begin_kernel, order_,
                   run.data_or_null(node.inputs[4]), dropout, h, factors_, backward ? nullptr : masked_);
  if (!backward) return;
  context.clear(node.op->name, cleared, cleared_bytes);
  cut(scratch, h);  // the CPU's row of zeros
  previous_states_ = cut(scratch, tokens * h);
  // Straight to where it belongs, unless there is something to add to: then by way of the gates' own memory.
  float* dx = run.gradient(node.inputs[0]);
  d_gates_ = dx && run.beta(node, 0) == 0 ? dx : gates_;
}

Before CellWalk::before(int64_t t, const float* of_tokens, std::size_t initial) const {
  return {of_tokens, run_.data_or_null(node_.inputs[initial]), order_, t == 0 ? 0 : attributes_.reverse ? 1 : -1};
}

void CellWalk::advance(int64_t t, const float* fed, float* shown, int64_t shown_ld) {
  const int64_t n = steps.active(t);
  const bool reads = t > 0 || node_.inputs[4], lstm = attributes_.cell == Cell::lstm;
  if (reads) context_.gemm(false, true, n, width, h, 1, masked_, h, weight_, h, 0, product_, width);
  queue_cell_forward(context_, attributes_.cell,
                     {.rows = rows(t),
                      .h = h,
                      .x = run_.data(node_.inputs[0]),
                      .fed = fed,
                      .product = reads ? product_ : nullptr,
                      .bias = bias_,
                      .before = lstm ? before(t, extra_, 5) : before(t, states_, 4),
                      .gates = gates_,
                      .states = states_,
                      .extra = extra_,
                      .factors = factors_,
                      .masked = masked_,
                      .shown = shown,
                      .shown_ld = shown_ld},
                     n);
}

void CellWalk::pull(int64_t t, const float* d, int64_t cols, const float* weight) {
  if (t == 0 && !run_.gradient(node_.inputs[4])) return;
  const int64_t n = steps.active(t);
  if (!factors_) return context_.gemm(false, false, n, h, cols, 1, d, cols, weight, h, 1, state_, h);
  context_.gemm(false, false, n, h, cols, 1, d, cols, weight, h, pulled_ ? 1 : 0, masked_, h);
  pulled_ = n;
}

const float* CellWalk::retreat(int64_t t, const float* more, int64_t more_ld, float* gru_input) {
  const bool lstm = attributes_.cell == Cell::lstm;
  queue_cell_backward(context_, attributes_.cell,
                      {.rows = rows(t),
                       .h = h,
                       .before = lstm ? before(t, extra_, 5) : before(t, states_, 4),
                       .gates = gates_,
                       .extra = extra_,
                       .d_states = run_.gradient(node_.outputs[1]),
                       .d_extra = lstm ? run_.gradient(node_.outputs[2]) : nullptr,
                       .pulled = masked_,
                       .factors = factors_,
                       .pulled_rows = std::exchange(pulled_, 0),
                       .more = more,
                       .more_ld = more_ld,
                       .d_state = state_,
                       .d_memory = memory_,
                       .d_gates = d_gates_,
                       .d_product = product_,
                       .d_input = gru_input},
                      steps.active(t));
  pull(t, product_, width, weight_);
  return attributes_.cell == Cell::gru ? gru_input : product_;
}

const float* CellWalk::previous_states() {
  if (!std::exchange(previous_made_, true) && tokens > 0)
    context_.launch("the states before each token", grid_of(tokens, h), kThreads, 0, rows_before_kernel, rows_, ranks_,
                    before(1, states_, 4), steps.active(0), static_cast<const float*>(factors_), h, previous_states_);
  return previous_states_;
}

void CellWalk::rows_before(const float* from, int64_t n, float* to) {
  if (tokens > 0)
    context_.launch("the rows before each token", grid_of(tokens, n), kThreads, 0, rows_before_kernel, rows_, ranks_,
                    Before{from, nullptr, order_, attributes_.reverse ? 1 : -1}, steps.active(0),
                    static_cast<const float*>(nullptr), n, to);
}

void CellWalk::finish() {
  if (float* dw = run_.gradient(node_.inputs[1])) {
    // The gru's gate n takes its product by way of the reset gate: `extra` holds what came to it.
    const bool gru = attributes_.cell == Cell::gru;
    const float* previous = previous_states();
    const int64_t direct = gru ? 2 * h : width;
    const float beta = run_.beta(node_, 1);
    context_.gemm(true, false, direct, h, tokens, 1, d_gates_, width, previous, h, beta, dw, h);
    if (gru) context_.gemm(true, false, h, h, tokens, 1, extra_, h, previous, h, beta, dw + direct * h, h);
  }
  if (float* db = run_.gradient(node_.inputs[2]))
    add_column_sums(context_, "the gru bias' gradient", extra_, tokens, h, run_.beta(node_, 2), db);
  const auto initial = [&](std::size_t input, const float* rows, int64_t pulled_rows) {
    if (float* d = run_.gradient(node_.inputs[input]))
      context_.launch("the initial states' gradient", grid_of(sentences, h), kThreads, 0, initial_kernel, order_, rows,
                      static_cast<const float*>(masked_), static_cast<const float*>(factors_), pulled_rows, h,
                      run_.beta(node_, input), d);
  };
  initial(4, state_, pulled_);
  initial(5, memory_, 0);
  if (float* dx = run_.gradient(node_.inputs[0]); dx && dx != d_gates_)
    context_.launch("the gates' gradient", blocks_of(tokens * width, kThreads), kThreads, 0, add_kernel,
                    static_cast<const float*>(d_gates_), tokens * width, dx);
}

}  // namespace storm::cuda
