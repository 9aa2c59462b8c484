#include "ops/alignment.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/parallel.h"
#include "cpu/simd.h"
#include "ops/column_sums.h"

namespace storm {

namespace {

STORM_CLONES void dot_scores(const Alignment& f, const float* q, const float* keys, int64_t n, float* scores) {
  const int64_t a = f.a;
  for (int64_t j = 0; j < n; ++j) {
    const float* k = keys + j * a;
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < a; ++i) sum += q[i] * k[i];
    scores[j] = sum;
  }
}

STORM_CLONES void additive_scores(const Alignment& f, const float* q, const float* keys, int64_t n, float* scores) {
  const int64_t a = f.a;
  const float* v = f.v;
  for (int64_t j = 0; j < n; ++j) {
    const float* k = keys + j * a;
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < a; ++i) sum += v[i] * simd::tanh(q[i] + k[i]);
    scores[j] = sum;
  }
}

// Without a width, w, each column's is 1. The differences themselves, not their squares multiplied out: of a query
// close to a key the products would cancel.
STORM_CLONES void kernel_scores(const Alignment& f, const float* q, const float* keys, int64_t n, float* scores) {
  const int64_t a = f.a;
  const float* w = f.v;
  for (int64_t j = 0; j < n; ++j) {
    const float* k = keys + j * a;
    float sum = 0;
    if (w) {
#pragma omp simd reduction(+ : sum)
      for (int64_t i = 0; i < a; ++i) {
        const float x = (q[i] - k[i]) * w[i];
        sum += x * x;
      }
    } else {
#pragma omp simd reduction(+ : sum)
      for (int64_t i = 0; i < a; ++i) {
        const float x = q[i] - k[i];
        sum += x * x;
      }
    }
    scores[j] = -0.5f * sum;
  }
}

auto* scores_of(Scoring scoring) {
  return scoring == Scoring::dot ? dot_scores : scoring == Scoring::additive ? additive_scores : kernel_scores;
}

STORM_CLONES void softmax(const float* scores, int64_t n, float* weights) { simd::softmax(scores, n, weights); }

STORM_CLONES void mix(const float* weights, const float* memory, int64_t n, int64_t m, float* context) {
  for (int64_t i = 0; i < m; ++i) context[i] = 0;
  for (int64_t j = 0; j < n; ++j) {
    const float w = weights[j];
    const float* row = memory + j * m;
#pragma omp simd
    for (int64_t i = 0; i < m; ++i) context[i] += w * row[i];
  }
}

// d_scores[j] = the gradient of score j; d_memory may be null.
STORM_CLONES void softmax_backward(const float* weights, const float* memory, const float* d_context, int64_t n,
                                   int64_t m, float* d_memory, float* d_scores) {
  float mean = 0;
  for (int64_t j = 0; j < n; ++j) {
    const float* row = memory + j * m;
    float dot = 0;
#pragma omp simd reduction(+ : dot)
    for (int64_t i = 0; i < m; ++i) dot += row[i] * d_context[i];
    d_scores[j] = dot;
    mean += weights[j] * dot;
    if (!d_memory) continue;
    float* d = d_memory + j * m;
    const float w = weights[j];
#pragma omp simd
    for (int64_t i = 0; i < m; ++i) d[i] += w * d_context[i];
  }
#pragma omp simd
  for (int64_t j = 0; j < n; ++j) d_scores[j] = weights[j] * (d_scores[j] - mean);
}

STORM_CLONES void dot_backward(const float* q, const float* keys, const float* d_scores, int64_t n, int64_t a,
                               float* d_keys, float* dq) {
  for (int64_t j = 0; j < n && d_keys; ++j) {
    float* d = d_keys + j * a;
    const float g = d_scores[j];
#pragma omp simd
    for (int64_t i = 0; i < a; ++i) d[i] += g * q[i];
  }
  for (int64_t i = 0; i < a; ++i) dq[i] = 0;
  for (int64_t j = 0; j < n; ++j) {
    const float* k = keys + j * a;
    const float g = d_scores[j];
#pragma omp simd
    for (int64_t i = 0; i < a; ++i) dq[i] += g * k[i];
  }
}

// A few columns at a time: tanh is dear, so each is taken once for the three gradients.
STORM_CLONES void additive_backward(const float* q, const float* keys, const float* v, const float* d_scores, int64_t n,
                                    int64_t a, float* d_keys, float* d_v, float* dq) {
  constexpr int64_t kLane = 64;
  for (int64_t begin = 0; begin < a; begin += kLane) {
    const int64_t count = begin + kLane < a ? kLane : a - begin;
    float query[kLane], sum_q[kLane], sum_v[kLane];
    for (int64_t i = 0; i < count; ++i) {
      query[i] = q[begin + i];
      sum_q[i] = sum_v[i] = 0;
    }
    for (int64_t j = 0; j < n; ++j) {
      const float *k = keys + j * a + begin, g = d_scores[j];
      const float* weight = v + begin;
      float* d = d_keys + j * a + begin;
#pragma omp simd
      for (int64_t i = 0; i < count; ++i) {
        const float t = simd::tanh(query[i] + k[i]), slope = g * weight[i] * (1 - t * t);
        sum_v[i] += g * t;
        sum_q[i] += slope;
        d[i] += slope;
      }
    }
    for (int64_t i = 0; i < count; ++i) {
      dq[begin + i] = sum_q[i];
      d_v[begin + i] += sum_v[i];
    }
  }
}

// d_keys and d_w may be null, the latter where there is no width.
STORM_CLONES void kernel_backward(const float* q, const float* keys, const float* w, const float* d_scores, int64_t n,
                                  int64_t a, float* d_keys, float* d_w, float* dq) {
  constexpr int64_t kLane = 64;
  for (int64_t begin = 0; begin < a; begin += kLane) {
    const int64_t count = begin + kLane < a ? kLane : a - begin;
    float query[kLane], squares[kLane], sum_q[kLane], sum_w[kLane];
    for (int64_t i = 0; i < count; ++i) {
      query[i] = q[begin + i];
      squares[i] = w ? w[begin + i] * w[begin + i] : 1.0f;
      sum_q[i] = sum_w[i] = 0;
    }
    for (int64_t j = 0; j < n; ++j) {
      const float *k = keys + j * a + begin, g = d_scores[j];
#pragma omp simd
      for (int64_t i = 0; i < count; ++i) {
        const float x = query[i] - k[i];
        sum_q[i] += g * x;
        sum_w[i] += g * x * x;
      }
      if (!d_keys) continue;
      float* d = d_keys + j * a + begin;
#pragma omp simd
      for (int64_t i = 0; i < count; ++i) d[i] += g * squares[i] * (query[i] - k[i]);
    }
    for (int64_t i = 0; i < count; ++i) dq[begin + i] = -squares[i] * sum_q[i];
    for (int64_t i = 0; i < count && d_w; ++i) d_w[begin + i] -= w[begin + i] * sum_w[i];
  }
}

using Attributes = AttendAttributes;

Alignment alignment_of(const Execution& run, const Node& node) {
  const auto attributes = node.attributes<Attributes>();
  return {attributes.scoring,
          run.shape(node.inputs[2]).cols,
          run.shape(node.inputs[3]).cols,
          run.data_or_null(node.inputs[1]),
          run.data(node.inputs[2]),
          run.data(node.inputs[3]),
          attributes.logits};
}

// Calls body(sentence, row, spot) for all queries: the sentences do not depend on each other.
template <class Body>
void for_each_query(const Execution& run, const Node& node, Body&& body) {
  const auto attributes = node.attributes<Attributes>();
  const int32_t* offsets = run.data<int32_t>(node.inputs[4]);
  const int64_t sentences = run.shape(node.inputs[4]).rows - 1;
  const auto spots = alignment_spots(offsets, run.data<int32_t>(node.inputs[5]), sentences, attributes.window,
                                     attributes.whole_weights);
  constexpr int64_t kGroup = 4;
  parallel_items((sentences + kGroup - 1) / kGroup, [&](int64_t group) {
    for (int64_t s = group * kGroup; s < std::min(sentences, (group + 1) * kGroup); ++s)
      for (int64_t row = offsets[s]; row < offsets[s + 1]; ++row) body(s, row, spots[static_cast<std::size_t>(row)]);
  });
}

void forward(const Execution& run, const Node& node) {
  const Alignment f = alignment_of(run, node);
  const float* queries = run.data(node.inputs[0]);
  float *context = run.data(node.outputs[0]), *weights = run.data(node.outputs[1]);
  if (node.attributes<Attributes>().whole_weights)
    std::fill_n(weights, run.shape(node.outputs[1]).size(), f.logits ? -INFINITY : 0.0f);
  for_each_query(run, node, [&](int64_t, int64_t row, const AlignmentSpot& spot) {
    f.forward(queries + row * f.a, spot.begin, spot.count, weights + spot.place, context + row * f.m);
  });
}

void backward(const Execution& run, const Node& node) {
  const Alignment f = alignment_of(run, node);
  const float *queries = run.data(node.inputs[0]), *weights = run.data(node.outputs[1]);
  const float* d_context = run.gradient(node.outputs[0]);
  const int64_t sentences = run.shape(node.inputs[5]).rows;
  for (const std::size_t i : {2u, 3u})
    if (float* d = run.gradient(node.inputs[i]); d && run.beta(node, i) == 0)
      std::fill_n(d, run.shape(node.inputs[i]).size(), 0.0f);
  float* dv = run.gradient(node.inputs[1]);
  float* scratch = run.scratch_backward(node);  // [rows, a] when the query's gradient has to be added; [sentences, a]
  float* dq = run.gradient(node.inputs[0]);
  const bool add = !dq || run.beta(node, 0) != 0;
  const int64_t size = run.shape(node.inputs[0]).size();
  float *d_queries = add ? scratch : dq, *parts = scratch + size;
  if (f.v) std::fill_n(parts, sentences * f.a, 0.0f);
  const AlignmentGradients gradients{run.gradient(node.inputs[2]), run.gradient(node.inputs[3])};
  for_each_query(run, node, [&](int64_t s, int64_t row, const AlignmentSpot& spot) {
    gradients.backward(f, queries + row * f.a, spot.begin, spot.count, weights + spot.place, d_context + row * f.m,
                       d_queries + row * f.a, parts + s * f.a);
  });
  if (add && dq)
    for (int64_t i = 0; i < size; ++i) dq[i] += d_queries[i];
  if (dv) add_column_sums(dv, run.beta(node, 1), parts, sentences, f.a, f.a);
}

constexpr Op kAttend{"attend", forward, backward};

}  // namespace

void Alignment::forward(const float* query, int64_t begin, int64_t n, float* weights, float* context) const {
  if (n == 0) return std::fill_n(context, m, 0.0f), void();
  static thread_local std::vector<float> own;
  if (logits) own.resize(std::max(own.size(), static_cast<std::size_t>(n)));
  float* mixed = logits ? own.data() : weights;
  scores_of(scoring)(*this, query, keys + begin * a, n, weights);
  softmax(weights, n, mixed);
  mix(mixed, memory + begin * m, n, m, context);
}

void AlignmentGradients::backward(const Alignment& forward, const float* query, int64_t begin, int64_t n,
                                  const float* weights, const float* d_context, float* d_query, float* d_v) const {
  const int64_t a = forward.a, m = forward.m;
  static thread_local std::vector<float> d_scores, unwanted;
  d_scores.resize(std::max(d_scores.size(), static_cast<std::size_t>(n)));
  softmax_backward(weights, forward.memory + begin * m, d_context, n, m, memory ? memory + begin * m : nullptr,
                   d_scores.data());
  float* d_keys = keys ? keys + begin * a : nullptr;
  if (forward.scoring == Scoring::dot)
    return dot_backward(query, forward.keys + begin * a, d_scores.data(), n, a, d_keys, d_query);
  if (forward.scoring == Scoring::kernel)
    return kernel_backward(query, forward.keys + begin * a, forward.v, d_scores.data(), n, a, d_keys,
                           forward.v ? d_v : nullptr, d_query);
  if (!d_keys) {
    unwanted.resize(static_cast<std::size_t>(n * a));
    d_keys = unwanted.data();
  }
  additive_backward(query, forward.keys + begin * a, forward.v, d_scores.data(), n, a, d_keys, d_v, d_query);
}

std::vector<int64_t> weight_places(const Graph& graph, Value offsets, Value ranges) {
  const auto *o = static_cast<const int32_t*>(graph[offsets].data),
             *r = static_cast<const int32_t*>(graph[ranges].data);
  std::vector<int64_t> places{0};
  for (int64_t s = 0; s < graph.shape(ranges).rows; ++s)
    places.push_back(places.back() + int64_t{o[s + 1] - o[s]} * (r[2 * s + 1] - r[2 * s]));
  return places;
}

void check_alignment(const Graph& graph, const AlignmentInput& in, Value offsets, int64_t query_width,
                     const char* name) {
  const Shape keys = graph.shape(in.keys), memory = graph.shape(in.memory), ranges = graph.shape(in.ranges);
  require(keys.cols == query_width && keys.rows == memory.rows, name, ": queries of width ", query_width,
          " and a memory of ", memory.rows, " rows do not fit keys [", keys.rows, ",", keys.cols, "]");
  const bool fits = in.scoring == Scoring::kernel || static_cast<bool>(in.v) == (in.scoring == Scoring::additive);
  require(fits && (!in.v || graph.shape(in.v).size() == query_width), name,
          ": additive scores take a vector of the queries' width, a kernel's may, a dot product's do not");
  require(!in.logits || !graph.gradients(), name, ": scores have no gradients");
  require(in.window >= 0 && (in.window > 0 || !in.whole_weights), name, ": a window of ", in.window, " rows");
  for (const Value v : {offsets, in.ranges})
    require(graph[v].origin == Origin::constant && graph[v].dtype == DType::I32, name,
            ": offsets and ranges must be I32 constants");
  require(ranges.cols == 2 && graph.shape(offsets).rows == ranges.rows + 1, name, ": ", ranges.rows, " ranges, ",
          graph.shape(offsets).rows, " offsets");
  const auto* o = static_cast<const int32_t*>(graph[offsets].data);
  const auto* r = static_cast<const int32_t*>(graph[in.ranges].data);
  for (int64_t s = 0; s < ranges.rows; ++s) {
    require(r[2 * s] >= 0 && r[2 * s] <= r[2 * s + 1] && r[2 * s + 1] <= memory.rows, name, ": the range ", r[2 * s],
            "..", r[2 * s + 1], " is not within the memory's ", memory.rows, " rows");
    require(o[s] <= o[s + 1], name, ": offsets must rise");
  }
}

Attended attend(Graph& graph, Value queries, Value offsets, const AlignmentInput& in) {
  const Shape q = graph.shape(queries);
  check_alignment(graph, in, offsets, q.cols, kAttend.name);
  const auto* o = static_cast<const int32_t*>(graph[offsets].data);
  const int64_t sentences = graph.shape(in.ranges).rows;
  require(o[0] == 0 && o[sentences] == q.rows, kAttend.name, ": offsets must rise from 0 to the ", q.rows, " queries");
  Node node{.op = &kAttend, .inputs = {queries, in.v, in.keys, in.memory, offsets, in.ranges}};
  node.keep_inputs = 0b111111;
  node.keep_outputs = 0b10;
  const bool compact = in.window > 0 && !in.whole_weights;
  const int64_t weights = compact ? q.rows * in.window : weight_places(graph, offsets, in.ranges).back();
  node.scratch_backward = static_cast<std::size_t>(q.size() + sentences * q.cols + weights) * sizeof(float);
  const Value context = graph.record(node, {{{q.rows, graph.shape(in.memory).cols}}, {{weights, 1}}},
                                     Attributes{in.scoring, in.logits, in.whole_weights, in.window});
  return {context, graph.producer(context).outputs[1]};
}

}  // namespace storm
