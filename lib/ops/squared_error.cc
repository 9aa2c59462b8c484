#include "ops/squared_error.h"

#include "base/error.h"
#include "tensor/execution.h"

namespace storm {

namespace {

// A number a row: not worth a second thread.
void forward(const Execution& run, const Node& node) {
  const Value x = node.inputs[0];
  const float *values = run.data(x), *targets = run.data(node.inputs[1]), twice = 2 * node.attributes<float>();
  float* dx = run.gradient(x);
  const bool adds = dx && run.beta(node, 0) != 0;
  double sum = 0;
  for (int64_t r = 0; r < run.shape(x).rows; ++r) {
    const float off = values[r] - targets[r];
    sum += static_cast<double>(off) * static_cast<double>(off);
    if (dx) dx[r] = twice * off + (adds ? dx[r] : 0);
  }
  double* totals = run.data<double>(node.outputs[0]);
  totals[0] = totals[1] = sum;
}

constexpr Op kSquaredError{.name = "squared_error", .forward = forward, .gradient_in_forward = true};

}  // namespace

Value squared_error(Graph& graph, Value x, Value targets, float gradient_scale) {
  require(graph.shape(x).cols == 1, "squared_error: a row has ", graph.shape(x).cols, " numbers");
  require(graph[targets].dtype == DType::F32 && graph.shape(targets) == graph.shape(x),
          "squared_error: an F32 target for each row");
  const Value totals =
      graph.record(Node{.op = &kSquaredError, .inputs = {x, targets}}, {{{1, 2}, DType::F64}}, gradient_scale);
  graph.keep(totals);
  return totals;
}

}  // namespace storm
