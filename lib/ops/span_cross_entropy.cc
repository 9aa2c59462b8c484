#include "ops/span_cross_entropy.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "base/error.h"
#include "base/parallel.h"
#include "tensor/execution.h"

namespace storm {

namespace {

// x: one column of a text's n tokens, k apart. -log p(target); dx, unless null, gets (beta *) scale * its gradient.
double column_loss(const float* x, int64_t n, int64_t k, int64_t target, float scale, float beta, float* dx) {
  float largest = -HUGE_VALF;
  for (int64_t t = 0; t < n; ++t) largest = std::max(largest, x[t * k]);
  double exps = 0;
  for (int64_t t = 0; t < n; ++t) exps += static_cast<double>(std::exp(x[t * k] - largest));
  for (int64_t t = 0; dx && t < n; ++t) {
    const auto p = static_cast<float>(static_cast<double>(std::exp(x[t * k] - largest)) / exps);
    const float slope = scale * (t == target ? p - 1 : p);
    dx[t * k] = slope + (beta == 0 ? 0 : dx[t * k]);
  }
  return std::log(exps) - static_cast<double>(x[target * k] - largest);
}

void forward(const Execution& run, const Node& node) {
  const auto [x, offsets, targets] = std::tuple(node.inputs[0], node.inputs[1], node.inputs[2]);
  const auto [texts, k] = run.shape(targets);
  const int32_t *begins = run.data<int32_t>(offsets), *right = run.data<int32_t>(targets);
  check_spans(begins, right, texts, k, run.shape(x).rows);
  const float *logits = run.data(x), scale = node.attributes<float>() / static_cast<float>(k);
  float* dx = run.gradient(x);
  const float beta = dx ? run.beta(node, 0) : 0;
  auto* losses = reinterpret_cast<double*>(run.scratch_forward(node));
  parallel_ranges(texts * k, 1, [&, columns = k](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t first = begins[i / columns], at = first * columns + i % columns;
      losses[i] = column_loss(logits + at, begins[i / columns + 1] - first, columns, right[i], scale, beta,
                              dx ? dx + at : nullptr);
    }
  });
  double sum = 0;  // in the order of the texts, whatever the threads
  for (int64_t i = 0; i < texts * k; ++i) sum += losses[i];
  double* totals = run.data<double>(node.outputs[0]);
  totals[0] = totals[1] = sum / static_cast<double>(k);
}

constexpr Op kSpanCrossEntropy{.name = "span_cross_entropy", .forward = forward, .gradient_in_forward = true};

}  // namespace

Value span_cross_entropy(Graph& graph, Value x, Value offsets, Value targets, float gradient_scale) {
  const auto [texts, k] = graph.shape(targets);
  require(graph[offsets].dtype == DType::I32 && graph.shape(offsets) == Shape{texts + 1, 1},
          "span_cross_entropy: I32 offsets, one more than the ", texts, " texts");
  require(graph[targets].dtype == DType::I32 && k > 0 && k == graph.shape(x).cols,
          "span_cross_entropy: I32 targets, one for each of the ", graph.shape(x).cols, " columns");
  Node node{.op = &kSpanCrossEntropy, .inputs = {x, offsets, targets}};
  node.scratch_forward = static_cast<std::size_t>(texts * k) * sizeof(double);
  const Value totals = graph.record(node, {{{1, 2}, DType::F64}}, gradient_scale);
  graph.keep(totals);
  return totals;
}

}  // namespace storm
