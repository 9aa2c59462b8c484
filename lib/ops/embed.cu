// Forward: a thread 8 columns of a token. Backward: the tokens are sorted by what they look up, so that a block owns a
// row of the table's gradient: no atomics, always the same bits. Its warps take the row's tokens in turn, and their
// sums are added in order: most words come once or twice, but one of a batch's full stops is a thousand tokens' work.
#include "ops/embed.h"

#include <algorithm>
#include <numeric>
#include <tuple>
#include <vector>

#include "cuda/context.h"
#include "cuda/eights.cuh"

namespace storm::cuda {

namespace {

constexpr unsigned kThreads = 256;
constexpr unsigned kWarps = 16,
                   kFewWarps = 4;  // of a row of the table, in batches of more than 1024 tokens and in others

unsigned blocks_of(int64_t count, int64_t each) { return static_cast<unsigned>((count + each - 1) / each); }

__global__ void __launch_bounds__(kThreads)
    forward_kernel(const float* table, const int32_t* ids, const float* position_table, const int32_t* positions,
                   float scale, DropoutStream stream, int64_t rows, int64_t n, float* y) {
  const int64_t groups = (n + 7) / 8, place = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  const int64_t r = place / groups, column = place % groups * 8;
  if (r >= rows) return;
  Eight e = load8(table + ids[r] * n + column, n - column);
  Eight position{};
  if (position_table) position = load8(position_table + positions[r] * n + column, n - column);
#pragma unroll
  for (int i = 0; i < 8; ++i) e.at[i] = scale * e.at[i] + position.at[i];
  if (stream.active()) drop8(e, stream, r, column);
  store8(y + r * n + column, e, n - column);
}

// Group g: the tokens order[starts[g]] to order[starts[g + 1]], all of the table's row rows_of[g]; none, and then any
// row, from the last group on. table: from the row `frozen` on; those before take nothing.
template <unsigned kScatterWarps>
__global__ void __launch_bounds__(kScatterWarps* kWarp)
    scatter_kernel(float* table, int64_t frozen, const int32_t* order, const int32_t* starts, const int32_t* rows_of,
                   const float* dy, float scale, DropoutStream stream, int64_t n) {
  __shared__ float parts[kScatterWarps][kWarp * 8];
  const int32_t begin = starts[blockIdx.x], end = starts[blockIdx.x + 1];
  if (begin == end || rows_of[blockIdx.x] < frozen) return;
  const unsigned lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
  float* into = table + (rows_of[blockIdx.x] - frozen) * n;
  for (int64_t first = 0; first < n; first += kWarp * 8) {
    const int64_t c = first + lane * 8;
    Eight sum{};
#pragma unroll 4
    for (int32_t t = begin + static_cast<int32_t>(warp); t < end; t += kScatterWarps) {
      const int64_t token = order[t];
      Eight d = load8(dy + token * n + c, n - c);
      if (stream.active() && c < n) drop8(d, stream, token, c);
#pragma unroll
      for (int i = 0; i < 8; ++i) sum.at[i] += d.at[i];
    }
    __syncthreads();  // whoever still reads
#pragma unroll
    for (int i = 0; i < 8; ++i) parts[warp][lane * 8 + i] = sum.at[i];
    __syncthreads();
    for (unsigned i = threadIdx.x; i < kWarp * 8 && first + i < n; i += kScatterWarps * kWarp) {
      float all = 0;
      for (unsigned w = 0; w < kScatterWarps; ++w) all += parts[w][i];
      into[first + i] += scale * all;
    }
  }
}

// The host's ids: they come from files, and one out of range must not read or write elsewhere.
std::span<const int32_t> checked(const Execution& run, Value ids, int64_t limit, const char* what) {
  const auto& info = run.graph()[ids];
  require(info.origin == Origin::constant, "embed: its ids are no constant");
  const std::span host(static_cast<const int32_t*>(info.data), static_cast<std::size_t>(info.shape.size()));
  for (std::size_t r = 0; r < host.size(); ++r)
    require(host[r] >= 0 && host[r] < limit, "embed: ", what, ' ', host[r], " in row ", r, " is not within 0..",
            limit - 1);
  return host;
}

void forward(const Execution& run, const Node& node, Context& context) {
  const auto [scale, dropout] = node.attributes<EmbedAttributes>();
  const auto [table, ids, position_table, positions] =
      std::tuple(node.inputs[0], node.inputs[1], node.inputs[2], node.inputs[3]);
  const auto [rows, n] = run.shape(node.outputs[0]);
  checked(run, ids, run.shape(table).rows, "id");
  if (position_table) checked(run, positions, run.shape(position_table).rows, "position");
  const DropoutStream stream = dropout_of(run, node, run.gradients() ? dropout : 0);
  context.launch("embed", blocks_of(rows * ((n + 7) / 8), kThreads), kThreads, 0, forward_kernel, run.data(table),
                 run.data<int32_t>(ids), run.data_or_null(position_table), run.data_or_null<int32_t>(positions), scale,
                 stream, rows, n, run.data(node.outputs[0]));
}

void scatter(const Execution& run, const Node& node, Context& context, std::size_t table, std::size_t ids, float scale,
             const DropoutStream& stream) {
  const Value into = node.inputs[table];
  float* gradient = run.gradient(into);
  if (!gradient) return;
  const int64_t n = run.shape(into).cols;
  if (run.beta(node, table) == 0)
    context.clear("embed", gradient, static_cast<std::size_t>(run.shape(into).size()) * sizeof(float));
  const auto host = checked(run, node.inputs[ids], run.shape(into).rows, "row");
  std::vector<int32_t> order(host.size()), starts, rows;
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, {}, [&](int32_t t) { return host[static_cast<std::size_t>(t)]; });
  for (std::size_t t = 0; t < order.size(); ++t)
    if (const int32_t row = host[static_cast<std::size_t>(order[t])]; rows.empty() || rows.back() != row) {
      rows.push_back(row);
      starts.push_back(static_cast<int32_t>(t));
    }
  // There are as many as there may ever be: how many words a batch has must not make its launches others than those of
  // the last one.
  const std::size_t groups = std::min(order.size(), static_cast<std::size_t>(run.shape(into).rows));
  starts.resize(groups + 1, static_cast<int32_t>(order.size()));
  rows.resize(groups);
  const bool few = order.size() <= 1024;
  context.launch("embed backward", static_cast<unsigned>(groups), (few ? kFewWarps : kWarps) * kWarp, 0,
                 few ? scatter_kernel<kFewWarps> : scatter_kernel<kWarps>, gradient, run.frozen(into),
                 context.staged(std::span<const int32_t>(order)), context.staged(std::span<const int32_t>(starts)),
                 context.staged(std::span<const int32_t>(rows)), run.gradient(node.outputs[0]), scale, stream, n);
}

void backward(const Execution& run, const Node& node, Context& context) {
  const auto [scale, dropout] = node.attributes<EmbedAttributes>();
  const DropoutStream stream = dropout_of(run, node, dropout);
  scatter(run, node, context, 0, 1, scale, stream);
  if (node.inputs[2]) scatter(run, node, context, 2, 3, 1, stream);
}

const Kernels kEmbed{"embed", forward, backward};

}  // namespace

}  // namespace storm::cuda
