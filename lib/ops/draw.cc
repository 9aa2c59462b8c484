#include "ops/draw.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/parallel.h"
#include "tensor/execution.h"

namespace storm {

namespace {

// x: [n]; the sums are f64 and run over the ids in their order.
int32_t draw_one(const float* x, int32_t n, int32_t banned, double temperature, double uniform, double& total) {
  float largest = -__builtin_huge_valf();
  for (int32_t i = 0; i < n; ++i)
    if (i != banned) largest = std::max(largest, x[i]);
  const auto weight = [&](int32_t i) { return std::exp(static_cast<double>(x[i] - largest) / temperature); };
  total = 0;
  for (int32_t i = 0; i < n; ++i)
    if (i != banned) total += weight(i);
  double left = total * uniform;
  int32_t last = 0;  // rounding may leave none
  for (int32_t i = 0; i < n; ++i) {
    if (i == banned) continue;
    const double w = weight(i);
    if ((left -= w) < 0) return i;
    if (w > 0) last = i;
  }
  return last;
}

void forward(const Execution& run, const Node& node) {
  const auto [rows, n] = run.shape(node.inputs[0]);
  const float* x = run.data(node.inputs[0]);
  const double* uniforms = run.data<double>(node.inputs[1]);
  const int32_t* banned = run.data<int32_t>(node.inputs[2]);
  int32_t* ids = run.data<int32_t>(node.outputs[0]);
  float* log_probs = run.data(node.outputs[1]);
  double* totals = run.data<double>(node.outputs[2]);
  const double temperature = node.attributes<DrawAttributes>().temperature;
  parallel_ranges(rows, 1, [&, cols = n](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      ids[r] = draw_one(x + r * cols, static_cast<int32_t>(cols), banned[r], temperature, uniforms[r], totals[r]);
      log_probs[r] = x[r * cols + ids[r]];
    }
  });
}

constexpr Op kDraw{"draw", forward};

}  // namespace

Draws draw(Graph& graph, Value log_probs, Value uniforms, Value banned, double temperature) {
  const Shape shape = graph.shape(log_probs), column{shape.rows, 1};
  require(shape.cols > 0 && shape.cols <= INT32_MAX, "draw: ", shape.cols, " ids to draw from");
  require(graph.shape(uniforms) == column && graph[uniforms].dtype == DType::F64, "draw: a uniform F64 for each row");
  require(graph.shape(banned) == column && graph[banned].dtype == DType::I32, "draw: a banned id or -1 for each row");
  require(temperature > 0, "draw: the temperature is ", temperature);
  const Value ids = graph.record(Node{.op = &kDraw, .inputs = {log_probs, uniforms, banned}},
                                 {{column, DType::I32}, {column}, {column, DType::F64}}, DrawAttributes{temperature});
  return {ids, graph.producer(ids).outputs[1], graph.producer(ids).outputs[2]};
}

}  // namespace storm
