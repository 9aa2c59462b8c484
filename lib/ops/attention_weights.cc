#include "ops/attention_weights.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "base/buffer.h"
#include "base/error.h"
#include "base/parallel.h"
#include "ops/attention_kernels.h"
#include "tensor/execution.h"

namespace storm {

namespace {

using namespace attention_kernels;

using Attributes = AttentionWeightsAttributes;

void forward(const Execution& run, const Node& node) {
  const auto a = node.attributes<Attributes>();
  const int64_t q_ld = run.shape(node.inputs[0]).cols, k_ld = run.shape(node.inputs[1]).cols;
  const float *q_data = run.data(node.inputs[0]), *k_data = run.data(node.inputs[1]);
  const int32_t *q_rows = run.data<int32_t>(node.inputs[2]), *k_rows = run.data<int32_t>(node.inputs[3]);
  const int64_t sentences = run.shape(node.inputs[2]).rows - 1;
  float* out_data = run.data(node.outputs[0]);
  const float scale = 1 / std::sqrt(static_cast<float>(a.d_k));

  std::vector<int64_t> begins{0};
  for (int64_t s = 0; s < sentences; ++s)
    begins.push_back(begins.back() + int64_t{a.heads} * (q_rows[s + 1] - q_rows[s]) * (k_rows[s + 1] - k_rows[s]));

  parallel_items(sentences * a.heads, [&](int64_t item) {
    const int64_t s = item / a.heads, head = item % a.heads;
    const int64_t queries = q_rows[s + 1] - q_rows[s], keys = k_rows[s + 1] - k_rows[s], ld = padded(keys);
    if (queries == 0 || keys == 0) return;
    static thread_local Buffer scratch;
    scratch.grow(static_cast<std::size_t>((a.d_k + kQueryBlock) * ld) * sizeof(float));
    float* k_t = scratch.as<float>().data();
    float* block = k_t + a.d_k * ld;
    pack_transposed(k_data + k_rows[s] * k_ld + a.k_column + head * a.d_k, k_ld, keys, a.d_k, scale, k_t, ld);
    float* out = out_data + begins[static_cast<std::size_t>(s)] + head * queries * keys;
    for (int64_t first = 0; first < queries; first += kQueryBlock) {
      const float* q = q_data + (q_rows[s] + first) * q_ld + a.q_column + head * a.d_k;
      const int64_t rows = std::min(kQueryBlock, queries - first);
      multiply(
          {q, q_ld, false, k_t, ld, block, ld, rows, ld, a.d_k, false, a.causal ? Band::columns : Band::none, first});
      if (a.scores == AttentionScores::probabilities) {
        // The kernels of attention itself, so that what is shown is what was used.
        float maxima[kQueryBlock], sums[kQueryBlock];
        const Block softmax{.rows = rows,
                            .keys = keys,
                            .ld = ld,
                            .causal = a.causal,
                            .diagonal = first,
                            .dropout = {},
                            .mask_row = 0,
                            .mask_row_step = 0,
                            .first_key = 0};
        softmax_rows(softmax, true, block, maxima, sums, nullptr, 0);
        divide_rows(block, ld, sums, rows, keys, out, keys);
        out += rows * keys;
      } else {
        for (int64_t i = 0; i < rows; ++i, out += keys) {
          const int64_t seen = a.causal ? std::min(first + i + 1, keys) : keys;
          std::copy_n(block + i * ld, seen, out);
          std::fill(out + seen, out + keys, -std::numeric_limits<float>::infinity());
        }
      }
    }
  });
}

constexpr Op kAttentionWeights{"attention_weights", forward};

}  // namespace

Value attention_weights(Graph& graph, const AttentionInput& in, AttentionScores scores) {
  const auto offsets = [&](Value v) {
    const auto& info = graph[v];
    require(info.origin == Origin::constant && info.data, "attention_weights: offsets must be constants");
    return std::span(static_cast<const int32_t*>(info.data), static_cast<std::size_t>(info.shape.rows));
  };
  const auto q = offsets(in.q_offsets), k = offsets(in.kv_offsets);
  require(q.size() == k.size(), "attention_weights: ", q.size(), " and ", k.size(), " offsets");
  int64_t size = 0;
  for (std::size_t s = 0; s + 1 < q.size(); ++s) {
    require(q[s] <= q[s + 1] && k[s] <= k[s + 1], "attention_weights: offsets must rise");
    size += int64_t{in.heads} * (q[s + 1] - q[s]) * (k[s + 1] - k[s]);
  }
  require(q.back() == graph.shape(in.q).rows && k.back() == graph.shape(in.kv).rows,
          "attention_weights: offsets must end with the rows");
  return graph.record(Node{.op = &kAttentionWeights, .inputs = {in.q, in.kv, in.q_offsets, in.kv_offsets}},
                      {{Shape{size, 1}}}, Attributes{in.q_column, in.k_column, in.heads, in.d_k, in.causal, scores});
}

}  // namespace storm
