// Launches of attend: forward 1; backward 2, and 2 for v's gradient. A block a query: a score is a warp's, as the sum
// over a row is then free of barriers; a column of the context (of the query's gradient) is a thread's. So all rows are
// read side by side, twice, the second time out of the cache. Keys' and memory's gradients are sums over the queries of
// a sentence: a block a source row takes them once all queries are done, so that nothing is added to in memory.
#include "ops/alignment.cuh"

#include "cuda/rows.cuh"
#include "ops/cell_walk.cuh"
#include "ops/scratch.h"

namespace storm::cuda {

namespace {

constexpr unsigned kThreads = 256, kWarps = kThreads / kWarp;

__device__ __forceinline__ float dot(const float* x, const float* y, int64_t n) {
  float sum = 0;
  for (int64_t c = threadIdx.x % kWarp; c < n; c += kWarp) sum += x[c] * y[c];
  return warp_sum(sum);
}
__device__ __forceinline__ float additive(const float* v, const float* q, const float* k, int64_t n) {
  float sum = 0;
  for (int64_t c = threadIdx.x % kWarp; c < n; c += kWarp) sum += v[c] * tanhf(q[c] + k[c]);
  return warp_sum(sum);
}
__device__ __forceinline__ float kernel(const float* w, const float* q, const float* k, int64_t n) {
  float sum = 0;
  for (int64_t c = threadIdx.x % kWarp; c < n; c += kWarp) {
    const float x = (q[c] - k[c]) * (w ? w[c] : 1.0f);
    sum += x * x;
  }
  return -0.5f * warp_sum(sum);
}
template <Scoring kScoring>
__device__ __forceinline__ float score_of(const AlignmentTables& t, const float* q, const float* k) {
  if constexpr (kScoring == Scoring::dot)
    return dot(q, k, t.a);
  else if constexpr (kScoring == Scoring::additive)
    return additive(t.v, q, k, t.a);
  else
    return kernel(t.v, q, k, t.a);
}

template <Scoring kScoring>
__global__ void __launch_bounds__(kThreads) forward_kernel(AlignmentTables t, AlignmentForward f) {
  __shared__ float parts[kWarps];
  const int64_t i = blockIdx.x, row = f.rows ? f.rows[i] : i;
  const AlignmentSpot spot = t.spots[row];
  const float *query = f.queries + i * f.query_ld, *keys = t.keys + spot.begin * t.a,
              *memory = t.memory + spot.begin * t.m;
  float* weights = f.weights + spot.place;
  float largest = -INFINITY;
  for (int64_t j = threadIdx.x / kWarp; j < spot.count; j += kWarps) {
    const float score = score_of<kScoring>(t, query, keys + j * t.a);
    if (threadIdx.x % kWarp == 0) weights[j] = score;
    largest = score > largest ? score : largest;
  }
  largest = block_max<kWarps>(largest, parts);
  float sum = 0;
  for (int64_t j = threadIdx.x; j < spot.count; j += kThreads) sum += expf(weights[j] - largest);
  const float factor = 1 / block_sum<kWarps>(sum, parts);
  if (!f.logits) {
    for (int64_t j = threadIdx.x; j < spot.count; j += kThreads) weights[j] = expf(weights[j] - largest) * factor;
    __syncthreads();
  }
  for (int64_t c = threadIdx.x; c < t.m; c += kThreads) {
    float mean = 0;  // a context does not depend on what is given out beside it: both ways round the same
    for (int64_t j = 0; j < spot.count; ++j)
      mean = fmaf(f.logits ? expf(weights[j] - largest) * factor : weights[j], memory[j * t.m + c], mean);
    f.contexts[row * t.m + c] = mean;
    if (f.step) f.step[i * f.step_ld + c] = mean;
  }
}

template <Scoring kScoring>
__global__ void __launch_bounds__(kThreads) backward_kernel(AlignmentTables t, AlignmentBackward f) {
  __shared__ float parts[kWarps];
  const int64_t i = blockIdx.x, row = f.rows ? f.rows[i] : i;
  const AlignmentSpot spot = t.spots[row];
  const float *query = f.queries + row * t.a, *keys = t.keys + spot.begin * t.a, *memory = t.memory + spot.begin * t.m;
  const float* weights = f.weights + spot.place;
  float *d_context = f.d_contexts + row * t.m, *d_scores = f.d_scores + spot.place;
  if (f.d_step) {
    for (int64_t c = threadIdx.x; c < t.m; c += kThreads) {
      const float d = f.d_step[i * f.step_ld + c];
      d_context[c] = f.d_more ? d + f.d_more[row * t.m + c] : d;
    }
    __syncthreads();
  }
  float mean = 0;
  for (int64_t j = threadIdx.x / kWarp; j < spot.count; j += kWarps) {
    const float d = dot(memory + j * t.m, d_context, t.m);
    if (threadIdx.x % kWarp == 0) {
      d_scores[j] = d;
      mean += weights[j] * d;
    }
  }
  mean = block_sum<kWarps>(mean, parts);
  for (int64_t j = threadIdx.x; j < spot.count; j += kThreads) d_scores[j] = weights[j] * (d_scores[j] - mean);
  __syncthreads();
  for (int64_t c = threadIdx.x; c < t.a; c += kThreads) {
    float d = 0;
    [[maybe_unused]] float d_v = 0;
    if constexpr (kScoring == Scoring::dot) {
      for (int64_t j = 0; j < spot.count; ++j) d += d_scores[j] * keys[j * t.a + c];
    } else if constexpr (kScoring == Scoring::additive) {
      const float q = query[c];
      for (int64_t j = 0; j < spot.count; ++j) {
        const float g = d_scores[j], shown = tanhf(q + keys[j * t.a + c]);
        d += g * (1 - shown * shown);
        d_v += g * shown;
      }
      d *= t.v[c];
    } else {
      const float q = query[c], w = t.v ? t.v[c] : 1.0f;
      for (int64_t j = 0; j < spot.count; ++j) {
        const float g = d_scores[j], x = keys[j * t.a + c] - q;
        d += g * x;
        d_v -= g * x * x;
      }
      d *= w * w;
      d_v *= w;
    }
    if (kScoring != Scoring::dot && t.v) {
      float& to = f.d_v[i * t.a + c];
      to = f.v_beta == 0 ? d_v : to + d_v;
    }
    if (f.d_step_query) {
      float& to = f.d_step_query[i * t.a + c];
      to = f.step_beta == 0 ? d : to + d;
    }
    if (f.d_queries) f.d_queries[row * t.a + c] = d;
  }
}

// A block a source row. Where keys and memory are one, a thread has the same columns of both, one after the other.
template <Scoring kScoring>
__global__ void __launch_bounds__(kThreads) rows_kernel(AlignmentTables t, AlignmentRows f) {
  const int64_t row = blockIdx.x, s = f.sentences[row];
  int64_t begin = s < 0 ? 0 : f.offsets[s], end = s < 0 ? 0 : f.offsets[s + 1];
  if (f.window > 0 && s >= 0) {  // the queries behind the row that its window reaches
    const int64_t last = begin + row - f.ranges[2 * s] + f.window;
    begin += row - f.ranges[2 * s] + 1;
    end = last + 1 < end ? last + 1 : end;
  }
  const auto place = [&](int64_t q) { return t.spots[q].place + row - t.spots[q].begin; };  // of its weight
  for (int64_t c = threadIdx.x; f.d_keys && c < t.a; c += kThreads) {
    float d = 0;
    const float key = kScoring == Scoring::dot ? 0.0f : t.keys[row * t.a + c];
    for (int64_t q = begin; q < end; ++q) {
      const float g = f.d_scores[place(q)], query = f.queries[q * t.a + c];
      if constexpr (kScoring == Scoring::dot) {
        d += g * query;
      } else if constexpr (kScoring == Scoring::kernel) {
        d += g * (query - key);
      } else {
        const float shown = tanhf(query + key);
        d += g * (1 - shown * shown);
      }
    }
    if constexpr (kScoring == Scoring::additive) d *= t.v[c];
    if constexpr (kScoring == Scoring::kernel) d *= t.v ? t.v[c] * t.v[c] : 1.0f;
    float& to = f.d_keys[row * t.a + c];
    to = f.beta_keys == 0 ? d : to + d;
  }
  for (int64_t c = threadIdx.x; f.d_memory && c < t.m; c += kThreads) {
    float d = 0;
    for (int64_t q = begin; q < end; ++q) d += f.weights[place(q)] * f.d_contexts[q * t.m + c];
    float& to = f.d_memory[row * t.m + c];
    to = f.beta_memory == 0 ? d : to + d;
  }
}

template <class Kernel>
Kernel by_scoring(Scoring scoring, Kernel dot, Kernel additive, Kernel kernel) {
  return scoring == Scoring::dot ? dot : scoring == Scoring::additive ? additive : kernel;
}

// Where no weight is written.
__global__ void __launch_bounds__(kThreads) fill_kernel(float* weights, int64_t n, float value) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i < n) weights[i] = value;
}

AlignmentTables tables_of(const Execution& run, const Node& node, Context& context) {
  const auto& in = node.inputs;
  const auto attributes = node.attributes<AttendAttributes>();
  return {attributes.scoring,
          run.shape(in[2]).cols,
          run.shape(in[3]).cols,
          run.data_or_null(in[1]),
          run.data(in[2]),
          run.data(in[3]),
          staged_spots(context, host_values(run, in[4], "attend"), host_values(run, in[5], "attend"),
                       run.shape(in[5]).rows, attributes.window, attributes.whole_weights)};
}

void forward(const Execution& run, const Node& node, Context& context) {
  const AlignmentTables tables = tables_of(run, node, context);
  const auto attributes = node.attributes<AttendAttributes>();
  if (const int64_t n = run.shape(node.outputs[1]).size(); attributes.whole_weights && n > 0)
    context.launch("attend, weights of rows that are not read", static_cast<unsigned>((n + kThreads - 1) / kThreads),
                   kThreads, 0, fill_kernel, run.data(node.outputs[1]), n, attributes.logits ? -INFINITY : 0.0f);
  queue_alignment(context, tables,
                  {.rows = nullptr,
                   .queries = run.data(node.inputs[0]),
                   .query_ld = tables.a,
                   .logits = attributes.logits,
                   .weights = run.data(node.outputs[1]),
                   .contexts = run.data(node.outputs[0]),
                   .step = nullptr,
                   .step_ld = 0},
                  run.shape(node.inputs[0]).rows);
}

void backward(const Execution& run, const Node& node, Context& context) {
  const AlignmentTables tables = tables_of(run, node, context);
  const auto& in = node.inputs;
  const int64_t queries = run.shape(in[0]).rows, sentences = run.shape(in[5]).rows, source_rows = run.shape(in[2]).rows;
  float* scratch = run.scratch_backward(node);
  float *d_v = scratch, *d_scores = scratch + (queries + sentences) * tables.a;
  const float *weights = run.data(node.outputs[1]), *asked = run.data(in[0]);
  float* d_contexts = run.gradient(node.outputs[0]);
  queue_alignment_backward(context, tables,
                           {.rows = nullptr,
                            .queries = asked,
                            .weights = weights,
                            .d_step = nullptr,
                            .step_ld = 0,
                            .d_more = nullptr,
                            .d_contexts = d_contexts,
                            .d_scores = d_scores,
                            .d_step_query = run.gradient(in[0]),
                            .step_beta = run.beta(node, 0),
                            .d_queries = nullptr,
                            .d_v = d_v,
                            .v_beta = 0},
                           queries);
  queue_alignment_rows(
      context, tables,
      {.offsets = run.data<int32_t>(in[4]),
       .sentences = alignment_readers(context, host_values(run, in[5], "attend"), sentences, source_rows),
       .ranges = run.data<int32_t>(in[5]),
       .window = node.attributes<AttendAttributes>().window,
       .queries = asked,
       .weights = weights,
       .d_contexts = d_contexts,
       .d_scores = d_scores,
       .d_keys = run.gradient(in[2]),
       .d_memory = run.gradient(in[3]),
       .beta_keys = run.beta(node, 2),
       .beta_memory = run.beta(node, 3)},
      source_rows);
  if (float* to = run.gradient(in[1]))
    add_column_sums(context, "attend, the gradient of v", d_v, queries, tables.a, run.beta(node, 1), to);
}

const Kernels kAttend{"attend", forward, backward};

}  // namespace

const AlignmentSpot* staged_spots(Context& context, const int32_t* offsets, const int32_t* ranges, int64_t sentences,
                                  int64_t window, bool whole_weights) {
  const auto spots = alignment_spots(offsets, ranges, sentences, window, whole_weights);
  return context.staged(std::span<const AlignmentSpot>(spots));
}

const int32_t* alignment_readers(Context& context, const int32_t* ranges, int64_t sentences, int64_t source_rows) {
  std::vector<int32_t> readers(static_cast<std::size_t>(source_rows), -1);
  for (int64_t s = 0; s < sentences; ++s)
    for (int32_t row = ranges[2 * s]; row < ranges[2 * s + 1]; ++row)
      readers[static_cast<std::size_t>(row)] = static_cast<int32_t>(s);
  return context.staged(std::span<const int32_t>(readers));
}

void queue_alignment(Context& context, const AlignmentTables& tables, const AlignmentForward& f, int64_t queries) {
  context.launch("attention over a sentence", static_cast<unsigned>(queries), kThreads, 0,
                 by_scoring(tables.scoring, forward_kernel<Scoring::dot>, forward_kernel<Scoring::additive>,
                            forward_kernel<Scoring::kernel>),
                 tables, f);
}

void queue_alignment_backward(Context& context, const AlignmentTables& tables, const AlignmentBackward& f,
                              int64_t queries) {
  context.launch("attention over a sentence, backward", static_cast<unsigned>(queries), kThreads, 0,
                 by_scoring(tables.scoring, backward_kernel<Scoring::dot>, backward_kernel<Scoring::additive>,
                            backward_kernel<Scoring::kernel>),
                 tables, f);
}

void queue_alignment_rows(Context& context, const AlignmentTables& tables, const AlignmentRows& f,
                          int64_t source_rows) {
  if (!f.d_keys && !f.d_memory) return;
  context.launch("attention over a sentence, the gradients of keys and memory", static_cast<unsigned>(source_rows),
                 kThreads, 0,
                 by_scoring(tables.scoring, rows_kernel<Scoring::dot>, rows_kernel<Scoring::additive>,
                            rows_kernel<Scoring::kernel>),
                 tables, f);
}

}  // namespace storm::cuda
