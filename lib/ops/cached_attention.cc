#include "ops/cached_attention.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "base/parallel.h"
#include "cpu/simd.h"
#include "tensor/execution.h"

namespace storm {

namespace {

using Attributes = CachedAttentionAttributes;

// Less work than this many multiply-adds is done before another thread has woken up.
constexpr int64_t kGrain = 1 << 16;

// scores[s] = scale * q . keys[s], for steps 0..steps; q, keys[s]: [d]
STORM_CLONES void score(const float* q, const float* const* keys, int64_t steps, int64_t d, float scale,
                        float* scores) {
  for (int64_t s = 0; s < steps; ++s) {
    const float* k = keys[s];
    float dot = 0;
#pragma omp simd reduction(+ : dot)
    for (int64_t i = 0; i < d; ++i) dot += q[i] * k[i];
    scores[s] = scale * dot;
  }
}

STORM_CLONES void softmax(float* scores, int64_t steps) { simd::softmax(scores, steps, scores); }

// out = sum over steps of probabilities[s] * values[s]; out, values[s]: [d]
STORM_CLONES void mix(const float* probabilities, const float* const* values, int64_t steps, int64_t d, float* out) {
#pragma omp simd
  for (int64_t i = 0; i < d; ++i) out[i] = 0;
  for (int64_t s = 0; s < steps; ++s) {
    const float* v = values[s];
    const float p = probabilities[s];
#pragma omp simd
    for (int64_t i = 0; i < d; ++i) out[i] += p * v[i];
  }
}

void forward(const Execution& run, const Node& node) {
  const auto attributes = node.attributes<Attributes>();
  const int64_t heads = attributes.heads, d_k = attributes.d_k, d_v = attributes.d_v;
  const Shape in = run.shape(node.inputs[0]);
  const int64_t k_width = heads * d_k, v_width = heads * d_v, width = k_width + v_width;
  const int64_t steps = int64_t{attributes.step} + 1;
  const float scale = 1 / std::sqrt(static_cast<float>(d_k));
  const float* qkv_data = run.data(node.inputs[0]);
  float* out_data = run.data(node.outputs[0]);
  float* const* cached = run.data<float*>(node.inputs[1]);
  const int32_t* path = run.data_or_null<int32_t>(node.inputs[2]);
  const int32_t* firsts = run.data_or_null<int32_t>(node.inputs[3]);
  const int64_t path_stride = path ? run.shape(node.inputs[2]).cols : 0;

  // A task is one head of one row; the tasks of a row share nothing but its path.
  const int64_t grain = std::max<int64_t>(1, kGrain / (steps * (d_k + d_v)));
  parallel_ranges(in.rows * heads, grain, [&](int64_t begin, int64_t end) {
    std::vector<const float*> past(static_cast<std::size_t>(steps)), rows(past.size());
    std::vector<float> scores(past.size());
    for (int64_t task = begin; task < end; ++task) {
      const int64_t row = task / heads, head = task % heads;
      const int64_t first = firsts ? firsts[row] : 0, seen = steps - first;
      const float* qkv = qkv_data + row * in.cols;
      float* now = cached[steps - 1] + row * width;
      std::memcpy(now + head * d_k, qkv + k_width + head * d_k, static_cast<std::size_t>(d_k) * sizeof(float));
      std::memcpy(now + k_width + head * d_v, qkv + 2 * k_width + head * d_v,
                  static_cast<std::size_t>(d_v) * sizeof(float));
      if (task == begin || head == 0) {
        for (int64_t s = first; s + 1 < steps; ++s)
          past[static_cast<std::size_t>(s - first)] = cached[s] + path[row * path_stride + s] * width;
        past[static_cast<std::size_t>(seen - 1)] = now;
      }
      const auto from = [&](int64_t column) {
        std::transform(past.begin(), past.begin() + seen, rows.begin(), [&](const float* p) { return p + column; });
        return rows.data();
      };
      score(qkv + head * d_k, from(head * d_k), seen, d_k, scale, scores.data());
      softmax(scores.data(), seen);
      mix(scores.data(), from(k_width + head * d_v), seen, d_v, out_data + row * v_width + head * d_v);
    }
  });
}

constexpr Op kCachedAttention{"cached_attention", forward};

}  // namespace

Value cached_attention(Graph& graph, Value qkv, const AttentionCache& cache, int32_t heads, int32_t d_k, int32_t d_v) {
  const Shape in = graph.shape(qkv);
  require(heads > 0 && d_k > 0 && d_v > 0 && in.cols == int64_t{heads} * (2 * int64_t{d_k} + d_v),
          "cached attention: an input of ", in.cols, " columns does not hold queries, keys and values of ", heads,
          " heads");
  const auto reaches = [&](Value v, int64_t rows, int64_t cols, DType dtype) {
    return v && graph[v].dtype == dtype && graph.shape(v).rows == rows && graph.shape(v).cols >= cols;
  };
  require(cache.step >= 0 && reaches(cache.steps, 1, int64_t{cache.step} + 1, DType::I64) &&
              (cache.step == 0 || reaches(cache.path, in.rows, cache.step, DType::I32)),
          "cached attention: the cache does not reach back to the first step");
  require(!cache.first || reaches(cache.first, in.rows, 1, DType::I32),
          "cached attention: it is not said of each row where its past begins");
  const Node node{.op = &kCachedAttention,
                  .inputs = {qkv, cache.steps, cache.step > 0 ? cache.path : Value{}, cache.first}};
  return graph.record(node, {{{in.rows, int64_t{heads} * d_v}}}, Attributes{cache.step, heads, d_k, d_v});
}

}  // namespace storm
