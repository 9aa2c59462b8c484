#include "ops/cell_walk.h"

#include <algorithm>
#include <utility>

#include "base/parallel.h"
#include "cpu/gemm.h"
#include "cpu/simd.h"
#include "ops/add_rows.h"
#include "ops/column_sums.h"
#include "ops/dropout.h"
#include "ops/scratch.h"

namespace storm {

namespace {

constexpr int64_t kRowGrain = 8;

STORM_CLONES void multiply_rows(const float* a, const float* b, int64_t n, float* out) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) out[i] = a[i] * b[i];
}
STORM_CLONES void add_products(float* into, const float* a, const float* b, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) into[i] += a[i] * b[i];
}
}  // namespace

void CellWalk::check(const Graph& graph, const CellInput& in, const char* op) {
  const int64_t gates = gates_of(in.cell);
  const Shape x = graph.shape(in.x), w = graph.shape(in.weight), offsets = graph.shape(in.offsets);
  require(w.rows == gates * w.cols && x.cols == w.rows, op, ": ", gates, " gates of a recurrent weight [", w.rows, ",",
          w.cols, "] do not fit an input that is ", x.cols, " wide");
  require(offsets.rows > 0 && graph[in.offsets].dtype == DType::I32, op, ": offsets must be I32 [sentences + 1, 1]");
  require(static_cast<bool>(in.bias) == (in.cell == Cell::gru) && (!in.bias || graph.shape(in.bias).size() == w.cols),
          op, ": a gru, and it alone, takes a bias of the state's width");
  const Shape state{offsets.rows - 1, w.cols};
  require((!in.h || graph.shape(in.h) == state) && (!in.c || (graph.shape(in.c) == state && in.cell == Cell::lstm)), op,
          ": the initial states must be [", state.rows, ",", state.cols, "], and c is the lstm's alone");
  require(in.dropout >= 0 && in.dropout < 1, op, ": dropout must be in [0, 1), it is ", in.dropout);
}

Node CellWalk::node_of(const Op& op, const CellInput& in) {
  Node node{.op = &op, .inputs = {in.x, in.weight, in.bias, in.offsets, in.h, in.c}};
  node.in_place = 0;
  node.keep_inputs = 0b111010;  // not x, whose place the gates take, nor the bias
  node.keep_outputs = 0b111;
  return node;
}

std::array<Shape, 3> CellWalk::outputs_of(const Graph& graph, const CellInput& in) {
  const Shape x = graph.shape(in.x), states{x.rows, graph.shape(in.weight).cols};
  return {x, states, in.cell == Cell::tanh ? Shape{0, states.cols} : states};
}

std::size_t CellWalk::forward_floats(const Graph& graph, const CellInput& in) {
  const int64_t n = graph.shape(in.offsets).rows - 1, h = graph.shape(in.weight).cols, width = graph.shape(in.x).cols;
  const bool masks = graph.gradients() && in.dropout > 0;
  return static_cast<std::size_t>(piece(n * h) * (1 + (in.cell == Cell::lstm) + masks) + piece(n * width) +
                                  (masks ? piece(n * whole_groups(h)) : 0));
}

std::size_t CellWalk::backward_floats(const Graph& graph, const CellInput& in) {
  return forward_floats(graph, in) +
         static_cast<std::size_t>(piece(graph.shape(in.weight).cols) +
                                  piece(graph.shape(in.x).rows * graph.shape(in.weight).cols));
}

CellWalk::CellWalk(const Execution& run, const Node& node, const CellAttributes& attributes, bool backward)
    : steps(run.data<int32_t>(node.inputs[3]), run.shape(node.inputs[3]).rows - 1, run.shape(node.inputs[0]).rows,
            attributes.reverse, node.op->name),
      h(run.shape(node.inputs[1]).cols),
      width(run.shape(node.inputs[1]).rows),
      sentences(run.shape(node.inputs[3]).rows - 1),
      tokens(run.shape(node.inputs[0]).rows),
      run_(run),
      node_(node),
      attributes_(attributes),
      dropout_(run.philox().seed, run.batch(), node.number, run.gradients() ? attributes.dropout : 0),
      x_(backward ? nullptr : run.data(node.inputs[0])),
      weight_(weight_operand(run, node.inputs[1])),
      bias_(backward ? nullptr : run.data_or_null(node.inputs[2])),
      gates_(run.data(node.outputs[0])),
      states_(run.data(node.outputs[1])),
      extra_(run.data(node.outputs[2])) {
  float* scratch = backward ? run.scratch_backward(node) : run.scratch_forward(node);
  state_ = masked_ = cut(scratch, sentences * h);
  if (attributes.cell == Cell::lstm) memory_ = cut(scratch, sentences * h);
  product_ = cut(scratch, sentences * width);
  if (dropout_.active()) {
    masked_ = cut(scratch, sentences * h);
    factors_ = cut(scratch, sentences * whole_groups(h));
    for (int64_t i = 0; i < sentences; ++i)
      dropout_row(dropout_, steps.order()[static_cast<std::size_t>(i)], h, factors_ + i * whole_groups(h));
  }
  const auto begin = [&](float* rows, Value initial) {
    const float* from = run.data_or_null(initial);
    for (int64_t i = 0; rows && i < sentences; ++i) {
      if (from && !backward)
        std::copy_n(from + steps.order()[static_cast<std::size_t>(i)] * h, h, rows + i * h);
      else
        std::fill_n(rows + i * h, h, 0.0f);
    }
  };
  begin(state_, node.inputs[4]);
  begin(memory_, node.inputs[5]);
  if (!backward) {
    mask_rows(state_, masked_, 0, sentences);
    return;
  }
  zeros_ = cut(scratch, h);
  std::fill_n(zeros_, h, 0.0f);
  previous_states_ = cut(scratch, tokens * h);
  // Straight to where it belongs, unless there is something to add to: then by way of the gates' own memory.
  float* dx = run.gradient(node.inputs[0]);
  d_gates_ = dx && run.beta(node, 0) == 0 ? dx : gates_;
}

void CellWalk::mask_rows(const float* from, float* to, int64_t begin, int64_t end) const {
  for (int64_t i = begin; factors_ && i < end; ++i)
    multiply_rows(from + i * h, factors_ + i * whole_groups(h), h, to + i * h);
}

void CellWalk::advance(int64_t t, bool x_in_gates) {
  const auto rows = steps.rows(t);
  const int64_t n = steps.active(t);
  gemm(false, true, n, width, h, {masked_, h}, weight_, 0, product_, width);
  const CellForward f{rows.data(), h,     x_in_gates ? gates_ : x_, product_, bias_, gates_, state_, memory_,
                      states_,     extra_};
  parallel_ranges(n, kRowGrain, [&](int64_t begin, int64_t end) {
    cell_forward(attributes_.cell, f, begin, end);
    mask_rows(state_, masked_, begin, end);
  });
}

const float* CellWalk::row_before(const float* of_tokens, Value initial, int64_t row, int64_t sentence) const {
  if (const int64_t before = steps.before(row, sentence); before >= 0) return of_tokens + before * h;
  const float* from = run_.data_or_null(initial);
  return from ? from + sentence * h : zeros_;
}

void CellWalk::pull(const float* d, int64_t cols, const float* weight, int64_t n) {
  if (!factors_) return gemm(false, false, n, h, cols, 1, d, cols, weight, h, 1, state_, h);
  gemm(false, false, n, h, cols, 1, d, cols, weight, h, 0, masked_, h);
  for (int64_t i = 0; i < n; ++i) add_products(state_ + i * h, masked_ + i * h, factors_ + i * whole_groups(h), h);
}

void CellWalk::retreat(int64_t t, float* d_input) {
  const auto rows = steps.rows(t);
  const int64_t n = steps.active(t);
  const bool lstm = attributes_.cell == Cell::lstm;
  std::vector<const float*> previous(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i)
    previous[i] = row_before(lstm ? extra_ : states_, node_.inputs[lstm ? 5 : 4], rows[i], steps.order()[i]);
  const CellBackward f{rows.data(),
                       h,
                       gates_,
                       extra_,
                       previous.data(),
                       run_.gradient(node_.outputs[1]),
                       lstm ? run_.gradient(node_.outputs[2]) : nullptr,
                       state_,
                       memory_,
                       d_gates_,
                       d_input,
                       product_};
  parallel_ranges(n, kRowGrain, [&](int64_t begin, int64_t end) { cell_backward(attributes_.cell, f, begin, end); });
  pull(product_, width, weight_.exact, n);
}

const float* CellWalk::previous_states() {
  if (std::exchange(previous_made_, true)) return previous_states_;
  for (int64_t t = 0; t < steps.count(); ++t) {
    const auto rows = steps.rows(t);
    parallel_ranges(steps.active(t), 4 * kRowGrain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const auto at = static_cast<std::size_t>(i);
        const float* from = row_before(states_, node_.inputs[4], rows[at], steps.order()[at]);
        float* to = previous_states_ + rows[at] * h;
        if (factors_)
          multiply_rows(from, factors_ + i * whole_groups(h), h, to);
        else
          std::copy_n(from, h, to);
      }
    });
  }
  return previous_states_;
}

void CellWalk::finish() {
  const bool gru = attributes_.cell == Cell::gru;
  if (float* dw = run_.gradient(node_.inputs[1])) {
    // The gru's gate n takes its product by way of the reset gate: `extra` holds what came to it.
    const float* previous = previous_states();
    const int64_t direct = gru ? 2 * h : width;
    const float beta = run_.beta(node_, 1);
    gemm(true, false, direct, h, tokens, 1, d_gates_, width, previous, h, beta, dw, h);
    if (gru) gemm(true, false, h, h, tokens, 1, extra_, h, previous, h, beta, dw + direct * h, h);
  }
  if (float* db = run_.gradient(node_.inputs[2])) add_column_sums(db, run_.beta(node_, 2), extra_, tokens, h, h);
  for (const auto& [input, rows] : {std::pair{4, state_}, {5, memory_}}) {
    float* d = run_.gradient(node_.inputs[static_cast<std::size_t>(input)]);
    if (!d) continue;
    const bool add = run_.beta(node_, static_cast<std::size_t>(input)) != 0;
    for (int64_t i = 0; i < sentences; ++i) {
      float* to = d + steps.order()[static_cast<std::size_t>(i)] * h;
      if (add)
        add_rows(to, rows + i * h, h, to);
      else
        std::copy_n(rows + i * h, h, to);
    }
  }
  if (float* dx = run_.gradient(node_.inputs[0]); dx && dx != d_gates_)
    parallel_ranges(tokens, kRowGrain, [&](int64_t begin, int64_t end) {
      add_rows(dx + begin * width, d_gates_ + begin * width, (end - begin) * width, dx + begin * width);
    });
}

}  // namespace storm
