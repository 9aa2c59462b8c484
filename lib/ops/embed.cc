#include "ops/embed.h"

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "base/parallel.h"
#include "ops/dropout.h"
#include "tensor/execution.h"

namespace storm {

namespace {

using Attributes = EmbedAttributes;

constexpr int64_t kRowGrain = 16;
constexpr int64_t kColumnGrain = 16;  // a cache line, so that two threads never write the same one

// y: [rows, n]; positions and position_table may be null, and so may factors (no dropout).
STORM_CLONES void embed_rows(const float* table, const int32_t* ids, const float* position_table,
                             const int32_t* positions, float scale, const DropoutStream& stream, int64_t first,
                             int64_t rows, int64_t n, float* y, float* factors) {
  for (int64_t r = 0; r < rows; ++r) {
    const float* token = table + ids[r] * n;
    float* row = y + r * n;
    if (position_table) {
      const float* position = position_table + positions[r] * n;
#pragma omp simd
      for (int64_t i = 0; i < n; ++i) row[i] = scale * token[i] + position[i];
    } else {
#pragma omp simd
      for (int64_t i = 0; i < n; ++i) row[i] = scale * token[i];
    }
    if (!factors) continue;
    dropout_row(stream, first + r, n, factors);
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) row[i] *= factors[i];
  }
}

// Columns [from, to) of row ids[r] += scale * dy[r], token after token. table: from the row `frozen` on; those before
// take nothing.
STORM_CLONES void scatter_columns(float* table, int64_t frozen, const int32_t* ids, const float* dy, float scale,
                                  int64_t rows, int64_t n, int64_t from, int64_t to) {
  for (int64_t r = 0; r < rows; ++r) {
    if (ids[r] < frozen) continue;
    float* into = table + (ids[r] - frozen) * n;
    const float* row = dy + r * n;
#pragma omp simd
    for (int64_t i = from; i < to; ++i) into[i] += scale * row[i];
  }
}

// Ids come from files: one that is out of range must not read or write elsewhere.
void check_ids(const int32_t* ids, int64_t rows, int64_t limit, const char* what) {
  for (int64_t r = 0; r < rows; ++r)
    require(ids[r] >= 0 && ids[r] < limit, "embed: ", what, ' ', ids[r], " in row ", r, " is not within 0..",
            limit - 1);
}

void forward(const Execution& run, const Node& node) {
  const auto [scale, dropout] = node.attributes<Attributes>();
  const Value table = node.inputs[0], position_table = node.inputs[2];
  const auto [rows, n] = run.shape(node.outputs[0]);
  const int32_t* id = run.data<int32_t>(node.inputs[1]);
  const int32_t* at = run.data_or_null<int32_t>(node.inputs[3]);
  check_ids(id, rows, run.shape(table).rows, "id");
  if (position_table) check_ids(at, rows, run.shape(position_table).rows, "position");
  const DropoutStream stream(run.philox().seed, run.batch(), node.number, run.gradients() ? dropout : 0);
  parallel_ranges(rows, kRowGrain, [&, width = n, factor = scale](int64_t begin, int64_t end) {
    auto factors = factors_for(stream, width);
    embed_rows(run.data(table), id + begin, run.data_or_null(position_table), at ? at + begin : nullptr, factor, stream,
               begin, end - begin, width, run.data(node.outputs[0]) + begin * width,
               stream.active() ? factors.data() : nullptr);
  });
}

// A thread owns columns and walks the tokens in their order: no atomics, and the same bits for any number of threads.
void scatter(const Execution& run, const Node& node, std::size_t table, const int32_t* ids, const float* dy,
             float scale) {
  const Value into = node.inputs[table];
  float* gradient = run.gradient(into);
  if (!gradient) return;
  const int64_t rows = run.shape(node.outputs[0]).rows, n = run.shape(into).cols;
  if (run.beta(node, table) == 0) std::fill_n(gradient, run.shape(into).size(), 0.0f);
  parallel_ranges(n, kColumnGrain, [&](int64_t begin, int64_t end) {
    scatter_columns(gradient, run.frozen(into), ids, dy, scale, rows, n, begin, end);
  });
}

void backward(const Execution& run, const Node& node) {
  const auto attributes = node.attributes<Attributes>();
  const int64_t rows = run.shape(node.outputs[0]).rows, n = run.shape(node.outputs[0]).cols;
  float* dy = run.gradient(node.outputs[0]);
  const DropoutStream stream(run.philox().seed, run.batch(), node.number, attributes.dropout);
  if (stream.active())
    parallel_ranges(rows, kRowGrain, [&](int64_t begin, int64_t end) {
      auto factors = factors_for(stream, n);
      mask_rows(dy + begin * n, stream, begin, end - begin, n, factors.data());
    });
  scatter(run, node, 0, run.data<int32_t>(node.inputs[1]), dy, attributes.scale);
  if (node.inputs[2]) scatter(run, node, 2, run.data<int32_t>(node.inputs[3]), dy, 1);
}

constexpr Op kEmbed{.name = "embed", .forward = forward, .backward = backward, .frozen_rows = true};

}  // namespace

Value embed(Graph& graph, Value table, Value ids, Value position_table, Value positions, float scale, float dropout) {
  const Shape words = graph.shape(table), tokens = graph.shape(ids);
  if (position_table) {
    require(graph.shape(position_table).cols == words.cols, "embed: positions are ", graph.shape(position_table).cols,
            " wide, the embeddings ", words.cols);
    require(positions && graph.shape(positions).size() == tokens.size(), "embed: each token needs a position");
  }
  Node node{.op = &kEmbed, .inputs = {table, ids, position_table, position_table ? positions : Value{}}};
  node.keep_inputs = 0b1010;  // ids and positions
  return graph.record(node, {{{tokens.size(), words.cols}}}, Attributes{scale, dropout});
}

Value gather(Graph& graph, Value x, Value rows) { return embed(graph, x, rows, {}, {}, 1); }

}  // namespace storm
