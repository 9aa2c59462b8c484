#include "ops/columns.h"

#include <algorithm>

#include "base/error.h"
#include "base/parallel.h"
#include "ops/add_rows.h"
#include "tensor/execution.h"

namespace storm {

namespace {

constexpr int64_t kRowGrain = 16;

void forward(const Execution& run, const Node& node) {
  const int64_t first = node.attributes<ColumnsAttributes>().first, width = run.shape(node.inputs[0]).cols;
  const auto [rows, count] = run.shape(node.outputs[0]);
  const float* x = run.data(node.inputs[0]);
  float* y = run.data(node.outputs[0]);
  parallel_ranges(rows, kRowGrain, [&, n = count](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) std::copy_n(x + r * width + first, n, y + r * n);
  });
}

void backward(const Execution& run, const Node& node) {
  float* dx = run.gradient(node.inputs[0]);
  if (!dx) return;
  const int64_t first = node.attributes<ColumnsAttributes>().first, width = run.shape(node.inputs[0]).cols;
  const auto [rows, count] = run.shape(node.outputs[0]);
  const float* dy = run.gradient(node.outputs[0]);
  const bool fresh = run.beta(node, 0) == 0;
  parallel_ranges(rows, kRowGrain, [&, n = count](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      if (fresh) std::fill_n(dx + r * width, width, 0.0f);
      float* into = dx + r * width + first;
      add_rows(into, dy + r * n, n, into);
    }
  });
}

constexpr Op kColumns{"columns", forward, backward};

}  // namespace

Value columns(Graph& graph, Value x, int64_t first, int64_t count) {
  const Shape in = graph.shape(x);
  require(first >= 0 && count > 0 && first + count <= in.cols, "columns: ", count, " from ", first,
          " on are not among ", in.cols);
  const Node node{.op = &kColumns, .inputs = {x}};
  return graph.record(node, {{{in.rows, count}}}, ColumnsAttributes{first});
}

}  // namespace storm
