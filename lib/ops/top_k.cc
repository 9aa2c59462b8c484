#include "ops/top_k.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "base/parallel.h"
#include "cpu/simd.h"
#include "tensor/execution.h"

namespace storm {

namespace {

// Columns that share one maximum, so that the search for the k largest passes over most of them unread.
constexpr int64_t kBlock = 64;

constexpr float kLowest = -__builtin_huge_valf();

STORM_INLINE int64_t blocks_of(int64_t cols) { return (cols + kBlock - 1) / kBlock; }

// maxima: [blocks]; a NaN is passed over. Returns the largest.
STORM_INLINE float block_maxima(const float* x, int64_t n, float* maxima) {
  float largest = kLowest;
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    const int64_t end = begin + kBlock < n ? begin + kBlock : n;
    const float most = simd::largest(x + begin, end - begin);
    maxima[begin / kBlock] = most;
    largest = most > largest ? most : largest;
  }
  return largest;
}

// The sum of e^(x - largest): NaN when one of them is, or when the largest is infinite.
STORM_INLINE float exp_sum(const float* x, int64_t n, float largest) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; ++i) sum += simd::exp(x[i] - largest);
  return sum;
}

// Puts (value, id) in its place among the `found` best, which fall; one of at most k goes. Returns how many there are.
STORM_INLINE int64_t insert(float value, int32_t id, float* best, int32_t* ids, int64_t found, int64_t k) {
  if (found == k && !(value > best[k - 1])) return found;
  int64_t at = found < k ? found++ : k - 1;
  for (; at > 0 && value > best[at - 1]; --at) best[at] = best[at - 1], ids[at] = ids[at - 1];
  best[at] = value;
  ids[at] = id;
  return found;
}

// best, ids: [k], k <= n: the largest logits, falling, of equal ones the lower id first; a NaN counts as -infinity.
// maxima: [blocks]. Returns the sum of e^(x - best[0]).
STORM_CLONES float top_k_row(const float* x, int64_t n, int64_t k, float* maxima, float* best, int32_t* ids) {
  const float largest = block_maxima(x, n, maxima);
  // k logits are at least as large as the k-th largest of the blocks' maxima: below that nothing needs a look.
  const int64_t blocks = blocks_of(n);
  int64_t found = 0;
  for (int64_t b = 0; b < blocks; ++b) found = insert(maxima[b], 0, best, ids, found, k);
  const float threshold = found == k ? best[k - 1] : kLowest;
  found = 0;
  for (int64_t b = 0; b < blocks; ++b) {
    if (maxima[b] < threshold) continue;
    const int64_t end = (b + 1) * kBlock < n ? (b + 1) * kBlock : n;
    for (int64_t i = b * kBlock; i < end; ++i) {
      const float value = x[i] >= kLowest ? x[i] : kLowest;
      if (value >= threshold) found = insert(value, static_cast<int32_t>(i), best, ids, found, k);
    }
  }
  return exp_sum(x, n, largest);
}

// Returns the sum of e^(x - *largest).
STORM_CLONES float normaliser_row(const float* x, int64_t n, float* maxima, float* largest) {
  *largest = block_maxima(x, n, maxima);
  return exp_sum(x, n, *largest);
}

STORM_CLONES void subtract_row(const float* x, int64_t n, float largest, float log_sum, float* y) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) y[i] = (x[i] - largest) - log_sum;
}

void top_k_forward(const Execution& run, const Node& node) {
  const auto [rows, cols] = run.shape(node.inputs[0]);
  const int64_t n = cols, k = run.shape(node.outputs[0]).cols;
  const float* x = run.data(node.inputs[0]);
  float* log_probs = run.data(node.outputs[0]);
  int32_t* ids = run.data<int32_t>(node.outputs[1]);
  if (k == 0) return;
  parallel_ranges(rows, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> maxima(static_cast<std::size_t>(blocks_of(n)));
    for (int64_t r = begin; r < end; ++r) {
      float* best = log_probs + r * k;
      const float sum = top_k_row(x + r * n, n, k, maxima.data(), best, ids + r * k);
      subtract_row(best, k, best[0], std::log(sum), best);
    }
  });
}

void log_softmax_forward(const Execution& run, const Node& node) {
  const auto [rows, cols] = run.shape(node.inputs[0]);
  const int64_t n = cols;
  const float* x = run.data(node.inputs[0]);
  float* y = run.data(node.outputs[0]);
  parallel_ranges(rows, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> maxima(static_cast<std::size_t>(blocks_of(n)));
    for (int64_t r = begin; r < end; ++r) {
      float largest = 0;
      const float sum = normaliser_row(x + r * n, n, maxima.data(), &largest);
      subtract_row(x + r * n, n, largest, std::log(sum), y + r * n);
    }
  });
}

void pick_forward(const Execution& run, const Node& node) {
  const auto [rows, cols] = run.shape(node.inputs[0]);
  const float* x = run.data(node.inputs[0]);
  const int32_t* columns = run.data<int32_t>(node.inputs[1]);
  float* y = run.data(node.outputs[0]);
  for (int64_t r = 0; r < rows; ++r) y[r] = x[r * cols + columns[r]];
}

void index_fill_forward(const Execution& run, const Node& node) {
  const auto [rows, cols] = run.shape(node.inputs[0]);
  const float* x = run.data(node.inputs[0]);
  const std::span columns(run.data<int32_t>(node.inputs[1]), static_cast<std::size_t>(run.shape(node.inputs[1]).rows));
  float* y = run.data(node.outputs[0]);
  if (y != x) std::copy_n(x, rows * cols, y);
  for (int64_t r = 0; r < rows; ++r)
    for (const int32_t column : columns) y[r * cols + column] = node.attributes<IndexFillAttributes>().value;
}

constexpr Op kTopK{"top_k", top_k_forward};
constexpr Op kLogSoftmax{"log_softmax", log_softmax_forward};
constexpr Op kPick{"pick", pick_forward};
constexpr Op kIndexFill{"index_fill", index_fill_forward};

void require_columns(const char* op, Shape shape, const ValueInfo& columns) {
  const auto* column = static_cast<const int32_t*>(columns.data);
  for (int64_t r = 0; r < columns.shape.rows; ++r)
    require(column[r] >= 0 && column[r] < shape.cols, op, ": column ", column[r], " of ", shape.cols, " in row ", r);
}

}  // namespace

TopK top_k(Graph& graph, Value logits, int32_t k) {
  const Shape shape = graph.shape(logits);
  require(k >= 0, "top_k: k is ", k);
  const Shape out{shape.rows, std::min<int64_t>(k, shape.cols)};
  const Value log_probs = graph.record(Node{.op = &kTopK, .inputs = {logits}}, {{out}, {out, DType::I32}}, 0);
  return {log_probs, graph.producer(log_probs).outputs[1]};
}

Value log_softmax(Graph& graph, Value logits) {
  return graph.record(Node{.op = &kLogSoftmax, .inputs = {logits}, .in_place = 0}, {{graph.shape(logits)}}, 0);
}

Value pick(Graph& graph, Value x, Value columns) {
  const Shape shape = graph.shape(x);
  const ValueInfo& info = graph[columns];
  require(info.origin == Origin::constant && info.dtype == DType::I32 && info.shape == Shape{shape.rows, 1},
          "pick: columns must be a constant I32 [rows, 1]");
  require_columns("pick", shape, info);
  return graph.record(Node{.op = &kPick, .inputs = {x, columns}}, {{{shape.rows, 1}}}, 0);
}

Value index_fill(Graph& graph, Value x, Value columns, float value) {
  const Shape shape = graph.shape(x);
  const ValueInfo& info = graph[columns];
  require(info.origin == Origin::constant && info.dtype == DType::I32 && info.shape.cols == 1,
          "index_fill: columns must be a constant I32 [n, 1]");
  require_columns("index_fill", shape, info);
  return graph.record(Node{.op = &kIndexFill, .inputs = {x, columns}, .in_place = 0}, {{shape}},
                      IndexFillAttributes{value});
}

}  // namespace storm
