#include "ops/join.h"

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "base/parallel.h"
#include "ops/add_rows.h"
#include "ops/dropout.h"
#include "tensor/execution.h"

namespace storm {

namespace {

using Attributes = JoinAttributes;

constexpr std::size_t kParts = kJoinParts;
constexpr int64_t kRowGrain = 16;

void forward(const Execution& run, const Node& node) {
  const auto [rows, width] = run.shape(node.outputs[0]);
  float* y = run.data(node.outputs[0]);
  const DropoutStream stream(run.philox().seed, run.batch(), node.number,
                             run.gradients() ? node.attributes<Attributes>().dropout : 0);
  const int32_t* mask_rows_of = run.data_or_null<int32_t>(node.inputs[kParts]);
  parallel_ranges(rows, kRowGrain, [&, all = width](int64_t begin, int64_t end) {
    auto factors = factors_for(stream, all);
    for (int64_t r = begin; r < end; ++r) {
      float* row = y + r * all;
      for (std::size_t i = 0; i < kParts && node.inputs[i]; ++i) {
        const int64_t n = run.shape(node.inputs[i]).cols;
        std::copy_n(run.data(node.inputs[i]) + r * n, n, row);
        row += n;
      }
      if (stream.active()) mask_rows(y + r * all, stream, mask_rows_of ? mask_rows_of[r] : r, 1, all, factors.data());
    }
  });
}

void backward(const Execution& run, const Node& node) {
  const auto [rows, width] = run.shape(node.outputs[0]);
  float* dy = run.gradient(node.outputs[0]);
  const DropoutStream stream(run.philox().seed, run.batch(), node.number, node.attributes<Attributes>().dropout);
  const int32_t* mask_rows_of = run.data_or_null<int32_t>(node.inputs[kParts]);
  parallel_ranges(rows, kRowGrain, [&, all = width](int64_t begin, int64_t end) {
    auto factors = factors_for(stream, all);
    for (int64_t r = begin; r < end; ++r) {
      float* row = dy + r * all;
      if (stream.active()) mask_rows(row, stream, mask_rows_of ? mask_rows_of[r] : r, 1, all, factors.data());
      for (std::size_t i = 0; i < kParts && node.inputs[i]; ++i) {
        const int64_t n = run.shape(node.inputs[i]).cols;
        if (float* d = run.gradient(node.inputs[i])) {
          if (run.beta(node, i) != 0)
            add_rows(d + r * n, row, n, d + r * n);
          else
            std::copy_n(row, n, d + r * n);
        }
        row += n;
      }
    }
  });
}

constexpr Op kJoin{"join", forward, backward};

}  // namespace

Value join(Graph& graph, std::span<const Value> parts, float dropout, Value mask_rows) {
  require(!parts.empty() && parts.size() <= kParts, "join: takes one to ", kParts, " values, not ", parts.size());
  require(dropout >= 0 && dropout < 1, "join: dropout must be in [0, 1), it is ", dropout);
  require(!mask_rows ||
              (graph.shape(mask_rows) == Shape{graph.shape(parts[0]).rows, 1} && graph[mask_rows].dtype == DType::I32),
          "join: the masks' rows must be I32 [", graph.shape(parts[0]).rows, ",1]");
  Node node{.op = &kJoin};
  node.inputs[kParts] = mask_rows;
  node.keep_inputs = 1u << kParts;
  Shape out{graph.shape(parts[0]).rows, 0};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Shape part = graph.shape(parts[i]);
    require(part.rows == out.rows, "join: ", out.rows, " and ", part.rows, " rows do not stand side by side");
    out.cols += part.cols;
    node.inputs[i] = parts[i];
  }
  if (parts.size() == 1) node.in_place = 0;
  return graph.record(node, {{out}}, Attributes{dropout});
}

}  // namespace storm
