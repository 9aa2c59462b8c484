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

// The row's columns times the mask of this number.
void mask_row(float* row, const DropoutStream& stream, int64_t mask, int64_t n, int64_t columns, float* factors) {
  if (columns == 1) return mask_rows(row, stream, mask, 1, n, factors);
  dropout_row(stream, mask, n / columns, factors);
  for (int64_t i = 0; i < n; ++i) row[i] *= factors[i / columns];
}

void forward(const Execution& run, const Node& node) {
  const auto [rows, width] = run.shape(node.outputs[0]);
  float* y = run.data(node.outputs[0]);
  const auto [dropout, columns] = node.attributes<Attributes>();
  const DropoutStream stream(run.philox().seed, run.batch(), node.number, run.gradients() ? dropout : 0);
  const int32_t* mask_rows_of = run.data_or_null<int32_t>(node.inputs[kParts]);
  parallel_ranges(rows, kRowGrain, [&, all = width, together = columns](int64_t begin, int64_t end) {
    auto factors = factors_for(stream, all);
    for (int64_t r = begin; r < end; ++r) {
      float* row = y + r * all;
      for (std::size_t i = 0; i < kParts && node.inputs[i]; ++i) {
        const int64_t n = run.shape(node.inputs[i]).cols;
        std::copy_n(run.data(node.inputs[i]) + r * n, n, row);
        row += n;
      }
      if (stream.active())
        mask_row(y + r * all, stream, mask_rows_of ? mask_rows_of[r] : r, all, together, factors.data());
    }
  });
}

void backward(const Execution& run, const Node& node) {
  const auto [rows, width] = run.shape(node.outputs[0]);
  float* dy = run.gradient(node.outputs[0]);
  const auto [dropout, columns] = node.attributes<Attributes>();
  const DropoutStream stream(run.philox().seed, run.batch(), node.number, dropout);
  const int32_t* mask_rows_of = run.data_or_null<int32_t>(node.inputs[kParts]);
  parallel_ranges(rows, kRowGrain, [&, all = width, together = columns](int64_t begin, int64_t end) {
    auto factors = factors_for(stream, all);
    for (int64_t r = begin; r < end; ++r) {
      float* row = dy + r * all;
      if (stream.active()) mask_row(row, stream, mask_rows_of ? mask_rows_of[r] : r, all, together, factors.data());
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

Value join(Graph& graph, std::span<const Value> parts, float dropout, Value mask_rows, int64_t mask_columns) {
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
  require(mask_columns > 0 && out.cols % mask_columns == 0, "join: ", mask_columns, " columns together do not divide ",
          out.cols);
  if (parts.size() == 1) node.in_place = 0;
  return graph.record(node, {{out}}, Attributes{dropout, mask_columns});
}

}  // namespace storm
