// A warp a query and head, a lane a key at a time: the result is written in whole lines, and what the lanes read of
// keys stays in the nearest cache. It is for looking at, so the simplest that is not slow.
#include "ops/attention_weights.h"

#include <cmath>
#include <vector>

#include "cuda/context.h"
#include "cuda/rows.cuh"

namespace storm::cuda {

namespace {

constexpr unsigned kWarps = 8, kThreads = kWarps * kWarp;

// Up to kWarps queries of a sentence, from `first` on; place: where the sentence's weights begin.
struct Tile {
  int64_t place;
  int32_t q_row, queries, first, k_row, keys;
};

struct Weights {
  const float *q, *k;  // at the first head's first column
  int64_t q_ld, k_ld;
  int d_k;
  bool causal, probabilities;
  float scale;
};

__global__ void __launch_bounds__(kThreads) weights_kernel(Weights f, const Tile* tiles, float* out) {
  const Tile tile = tiles[blockIdx.x];
  const int64_t head = blockIdx.y;
  const int query = tile.first + static_cast<int>(threadIdx.x / kWarp), lane = threadIdx.x % kWarp;
  if (query >= tile.queries) return;
  const int seen = f.causal && query < tile.keys ? query + 1 : tile.keys;
  const float* q = f.q + static_cast<int64_t>(tile.q_row + query) * f.q_ld + head * f.d_k;
  float* row = out + tile.place + (head * tile.queries + query) * tile.keys;
  float largest = -3.4e38f;
  for (int j = lane; j < seen; j += kWarp) {
    const float* k = f.k + static_cast<int64_t>(tile.k_row + j) * f.k_ld + head * f.d_k;
    float dot = 0;
    for (int d = 0; d < f.d_k; ++d) dot += q[d] * k[d];
    dot *= f.scale;
    row[j] = dot;
    largest = dot > largest ? dot : largest;
  }
  for (int j = seen + lane; j < tile.keys; j += kWarp) row[j] = f.probabilities ? 0.0f : -INFINITY;
  if (!f.probabilities) return;
  largest = warp_max(largest);
  float sum = 0;
  for (int j = lane; j < seen; j += kWarp) {  // each lane reads what it wrote itself
    const float e = expf(row[j] - largest);
    row[j] = e;
    sum += e;
  }
  sum = warp_sum(sum);
  const float factor = sum > 0 ? 1 / sum : sum;  // a NaN stays one
  for (int j = lane; j < seen; j += kWarp) row[j] *= factor;
}

void forward(const Execution& run, const Node& node, Context& context) {
  const auto a = node.attributes<AttentionWeightsAttributes>();
  const auto offsets = [&](Value v) { return static_cast<const int32_t*>(run.graph()[v].data); };
  const int32_t *q = offsets(node.inputs[2]), *k = offsets(node.inputs[3]);
  const int64_t sentences = run.shape(node.inputs[2]).rows - 1;
  std::vector<Tile> tiles;
  int64_t place = 0;
  for (int64_t s = 0; s < sentences; ++s) {
    const int32_t queries = q[s + 1] - q[s], keys = k[s + 1] - k[s];
    for (int32_t first = 0; first < queries && keys > 0; first += kWarps)
      tiles.push_back({place, q[s], queries, first, k[s], keys});
    place += int64_t{a.heads} * queries * keys;
  }
  const Weights f{run.data(node.inputs[0]) + a.q_column,
                  run.data(node.inputs[1]) + a.k_column,
                  run.shape(node.inputs[0]).cols,
                  run.shape(node.inputs[1]).cols,
                  a.d_k,
                  a.causal,
                  a.scores == AttentionScores::probabilities,
                  1 / std::sqrt(static_cast<float>(a.d_k))};
  context.launch("attention_weights", {static_cast<unsigned>(tiles.size()), static_cast<unsigned>(a.heads)}, kThreads,
                 0, weights_kernel, f, context.staged(std::span<const Tile>(tiles)), run.data(node.outputs[0]));
}

const Kernels kAttentionWeights{"attention_weights", forward};

}  // namespace

}  // namespace storm::cuda
