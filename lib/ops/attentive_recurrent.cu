// Launches per step, of products (P) and kernels (K):
//   context read by the gates   forward  P query, K attention, P feed, P recurrent, K cell               = 5
//                               backward K cell, P recurrent, P feed, K attention, P query               = 5
//   input feeding               forward  P feed, P recurrent, K cell, P query, K attention, P out, K out = 7
//                               backward K out, P out, K attention, P query, K cell, P recurrent, P feed = 7
// one less where the state itself is the query. Context and state lie side by side, [active, m + h], so that the
// output's weight takes one product. Steps write down what they come by for all tokens; the gradients of all weights,
// of the keys and of the memory are taken after the last one.
#include "ops/attentive_recurrent.h"

#include "cuda/rows.cuh"
#include "ops/alignment.cuh"
#include "ops/cell_walk.cuh"
#include "ops/scratch.h"

namespace storm::cuda {

namespace {

using namespace attentive;

constexpr unsigned kThreads = 128;  // a block a row and so many of its columns, as the cells' kernels

dim3 grid_of(int64_t rows, int64_t n) {
  return {static_cast<unsigned>(rows), static_cast<unsigned>((n + kThreads - 1) / kThreads)};
}

// The outputs before the first step, in the order of the steps.
__global__ void __launch_bounds__(kThreads)
    first_out_kernel(const int32_t* order, const float* before, int64_t n, float* outs) {
  const int64_t i = blockIdx.x, c = static_cast<int64_t>(blockIdx.y) * kThreads + threadIdx.x;
  if (c < n) outs[i * n + c] = before[order[i] * n + c];
}

// outs: [active, n], what the tanh is taken of, then the output; out: [tokens, n], the output.
__global__ void __launch_bounds__(kThreads)
    out_kernel(const int32_t* rows, const float* bias, int64_t n, float* outs, float* out) {
  const int64_t i = blockIdx.x, c = static_cast<int64_t>(blockIdx.y) * kThreads + threadIdx.x;
  if (c >= n) return;
  const float y = tanhf(outs[i * n + c] + bias[c]);
  outs[i * n + c] = y;
  out[rows[i] * n + c] = y;
}

// The gradient of what the tanh is taken of, to d_sum [active, n] and d_sums [tokens, n]. d_out: [tokens, n] or null;
// d_back: [fed, n], what came from the step after this one, which fewer sentences had.
__global__ void __launch_bounds__(kThreads)
    out_backward_kernel(const int32_t* rows, const float* out, const float* d_out, const float* d_back, int64_t fed,
                        int64_t n, float* d_sum, float* d_sums) {
  const int64_t i = blockIdx.x, c = static_cast<int64_t>(blockIdx.y) * kThreads + threadIdx.x;
  if (c >= n) return;
  const int64_t at = rows[i] * n + c;
  float d = d_out ? d_out[at] : 0.0f;
  if (i < fed) d += d_back[i * n + c];
  d *= 1 - out[at] * out[at];
  d_sum[i * n + c] = d;
  d_sums[at] = d;
}

// What forward and backward both look at.
struct Parts {
  const Execution& run;
  const Node& node;
  Context& context;
  const AttentiveAttributes attributes;
  CellWalk walk;
  const AlignmentTables tables;
  const float *feed_weight, *query_weight, *out_weight;  // the latter two may be null
  const int64_t h, width, a, m, o, fed;                  // fed: what the feed weight reads: m or o
  float* scratch;                                        // the op's own

  Parts(const Execution& r, const Node& n, Context& c, bool backward)
      : run(r),
        node(n),
        context(c),
        attributes(n.attributes<AttentiveAttributes>()),
        walk(r, n, attributes.cell, c, backward),
        tables{attributes.scoring,
               r.shape(n.inputs[kKeys]).cols,
               r.shape(n.inputs[kMemory]).cols,
               r.data_or_null(n.inputs[kV]),
               r.data(n.inputs[kKeys]),
               r.data(n.inputs[kMemory]),
               staged_spots(c, host_values(r, n.inputs[3], n.op->name), ranges(), walk.sentences)},
        feed_weight(r.data(n.inputs[kFeedWeight])),
        query_weight(r.data_or_null(n.inputs[kQueryWeight])),
        out_weight(r.data_or_null(n.inputs[kOutWeight])),
        h(walk.h),
        width(walk.width),
        a(tables.a),
        m(tables.m),
        o(out_weight ? r.shape(n.inputs[kOutWeight]).rows : 0),
        fed(out_weight ? o : m) {
    const Sizes sizes{walk.tokens, walk.sentences, h, width, a, m, o, r.shape(n.outputs[kWeights]).rows};
    scratch = backward ? r.scratch_backward(n) + n.scratch_backward / sizeof(float) - backward_floats(sizes)
                       : r.scratch_forward(n) + n.scratch_forward / sizeof(float) - forward_floats(sizes);
  }
  const int32_t* ranges() const { return host_values(run, node.inputs[kRanges], node.op->name); }
  float* weights() const { return run.data(node.outputs[kWeights]); }
};

// Attention of step t: from the states [active, ld] its queries and contexts [active, contexts_ld].
void attend_step(Parts& p, int64_t t, const float* states, int64_t ld, float* queries, float* contexts,
                 int64_t contexts_ld) {
  const int64_t n = p.walk.steps.active(t);
  if (p.query_weight) p.context.gemm(false, true, n, p.a, p.h, 1, states, ld, p.query_weight, p.h, 0, queries, p.a);
  queue_alignment(p.context, p.tables,
                  {.rows = p.walk.rows(t),
                   .queries = p.query_weight ? queries : states,
                   .query_ld = p.query_weight ? p.a : ld,
                   .logits = p.attributes.logits,
                   .weights = p.weights(),
                   .contexts = p.run.data(p.node.outputs[kContext]),
                   .step = contexts,
                   .step_ld = contexts_ld},
                  n);
}

void forward(const Execution& run, const Node& node, Context& context) {
  Parts p(run, node, context, false);
  CellWalk& walk = p.walk;
  const int64_t n = walk.sentences, ld = p.out_weight ? p.m + p.h : p.m;
  float *queries = cut(p.scratch, n * p.a), *both = cut(p.scratch, n * ld), *outs = cut(p.scratch, n * p.o);
  float* product = cut(p.scratch, n * p.width);
  const float* before = run.data_or_null(node.inputs[kOut]);
  if (before)
    context.launch("the outputs before the first step", grid_of(n, p.o), kThreads, 0, first_out_kernel, walk.order(),
                   before, p.o, outs);
  const auto feed_gates = [&](int64_t t, const float* back) {
    context.gemm(false, true, walk.steps.active(t), p.width, p.fed, 1, back, p.fed, p.feed_weight, p.fed, 0, product,
                 p.width);
    return product;
  };
  for (int64_t t = 0; t < walk.steps.count(); ++t) {
    if (!p.out_weight) {
      attend_step(p, t, walk.masked(), p.h, queries, both, ld);
      walk.advance(t, feed_gates(t, both));
      continue;
    }
    const int64_t active = walk.steps.active(t);
    walk.advance(t, t > 0 || before ? feed_gates(t, outs) : nullptr, both + p.m, ld);
    attend_step(p, t, both + p.m, ld, queries, both, ld);
    context.gemm(false, true, active, p.o, ld, 1, both, ld, p.out_weight, ld, 0, outs, p.o);
    context.launch("the outputs of a step", grid_of(active, p.o), kThreads, 0, out_kernel, walk.rows(t),
                   run.data(node.inputs[kOutBias]), p.o, outs, run.data(node.outputs[kOutput]));
  }
}

// What the steps of backward leave behind, for all tokens.
struct Left {
  const float *queries, *d_queries, *d_sums;  // [tokens, a], [tokens, a], [tokens, o]
  const float* d_v;                           // [sentences, a]
  const float* d_scores;
  float* d_contexts;  // [tokens, m], then room for [tokens, o]
};

void finish(Parts& p, const Left& left) {
  const auto& run = p.run;
  const auto& in = p.node.inputs;
  const int64_t tokens = p.walk.tokens, ld = p.m + p.h, source_rows = run.shape(in[kKeys]).rows;
  const float *states = run.data(p.node.outputs[1]), *contexts = run.data(p.node.outputs[kContext]);
  const auto beta = [&](std::size_t i) { return run.beta(p.node, i); };
  queue_alignment_rows(p.context, p.tables,
                       {.offsets = run.data<int32_t>(in[3]),
                        .sentences = alignment_readers(p.context, p.ranges(), p.walk.sentences, source_rows),
                        .ranges = nullptr,
                        .window = 0,
                        .queries = left.queries,
                        .weights = p.weights(),
                        .d_contexts = left.d_contexts,
                        .d_scores = left.d_scores,
                        .d_keys = run.gradient(in[kKeys]),
                        .d_memory = run.gradient(in[kMemory]),
                        .beta_keys = beta(kKeys),
                        .beta_memory = beta(kMemory)},
                       source_rows);
  if (float* d = run.gradient(in[kFeedWeight])) {
    const float* back = contexts;
    if (p.out_weight) {
      p.walk.rows_before(run.data(p.node.outputs[kOutput]), p.o, left.d_contexts);
      back = left.d_contexts;
    }
    p.context.gemm(true, false, p.width, p.fed, tokens, 1, p.walk.d_gates(), p.width, back, p.fed, beta(kFeedWeight), d,
                   p.fed);
  }
  if (float* d = run.gradient(in[kQueryWeight]))
    p.context.gemm(true, false, p.a, p.h, tokens, 1, left.d_queries, p.a,
                   p.out_weight ? states : p.walk.previous_states(), p.h, beta(kQueryWeight), d, p.h);
  if (float* d = run.gradient(in[kOutWeight])) {
    p.context.gemm(true, false, p.o, p.m, tokens, 1, left.d_sums, p.o, contexts, p.m, beta(kOutWeight), d, ld);
    p.context.gemm(true, false, p.o, p.h, tokens, 1, left.d_sums, p.o, states, p.h, beta(kOutWeight), d + p.m, ld);
  }
  if (float* d = run.gradient(in[kOutBias]))
    add_column_sums(p.context, "the output bias' gradient", left.d_sums, tokens, p.o, beta(kOutBias), d);
  if (float* d = run.gradient(in[kV]))
    add_column_sums(p.context, "attention, the gradient of v", left.d_v, p.walk.sentences, p.a, beta(kV), d);
  p.walk.finish();
}

void backward(const Execution& run, const Node& node, Context& context) {
  Parts p(run, node, context, true);
  CellWalk& walk = p.walk;
  const int64_t n = walk.sentences, tokens = walk.tokens, ld = p.out_weight ? p.m + p.h : p.m;
  float *d_query = cut(p.scratch, n * p.a), *d_v = cut(p.scratch, n * p.a), *d_both = cut(p.scratch, n * ld);
  float *d_sum = cut(p.scratch, n * p.o), *d_back = cut(p.scratch, n * p.o), *gru_input = cut(p.scratch, n * p.width);
  float *queries = cut(p.scratch, tokens * p.a), *d_queries = cut(p.scratch, tokens * p.a);
  float *d_sums = cut(p.scratch, tokens * p.o), *d_contexts = cut(p.scratch, tokens * std::max(p.m, p.o));
  float* d_scores = cut(p.scratch, run.shape(node.outputs[kWeights]).rows);
  if (p.tables.v) context.clear(node.op->name, d_v, static_cast<std::size_t>(n * p.a) * sizeof(float));
  // All queries at once.
  const float* asking = p.out_weight ? run.data(node.outputs[1]) : walk.previous_states();
  if (p.query_weight) context.gemm(false, true, tokens, p.a, p.h, 1, asking, p.h, p.query_weight, p.h, 0, queries, p.a);
  // From d_both's gradients of the contexts of step t to d_query, or to the state that is the query.
  const auto attend_step_backward = [&](int64_t t, const float* d_more) {
    queue_alignment_backward(context, p.tables,
                             {.rows = walk.rows(t),
                              .queries = p.query_weight ? queries : asking,
                              .weights = p.weights(),
                              .d_step = d_both,
                              .step_ld = ld,
                              .d_more = d_more,
                              .d_contexts = d_contexts,
                              .d_scores = d_scores,
                              .d_step_query = p.query_weight ? d_query : walk.d_state(),
                              .step_beta = p.query_weight ? 0.0f : 1.0f,
                              .d_queries = p.query_weight ? d_queries : nullptr,
                              .d_v = d_v,
                              .v_beta = 1},
                             walk.steps.active(t));
  };
  const float *out = p.out_weight ? run.data(node.outputs[kOutput]) : nullptr, *d_out = nullptr;
  if (out) d_out = run.gradient(node.outputs[kOutput]);
  const float* d_context_outputs = run.gradient(node.outputs[kContext]);
  for (int64_t t = walk.steps.count(); t-- > 0;) {
    const int64_t active = walk.steps.active(t);
    if (p.out_weight) {
      const int64_t fed = t + 1 < walk.steps.count() ? walk.steps.active(t + 1) : 0;
      context.launch("the outputs of a step, backward", grid_of(active, p.o), kThreads, 0, out_backward_kernel,
                     walk.rows(t), out, d_out, static_cast<const float*>(d_back), fed, p.o, d_sum, d_sums);
      context.gemm(false, false, active, ld, p.o, 1, d_sum, p.o, p.out_weight, ld, 0, d_both, ld);
      attend_step_backward(t, nullptr);
      if (p.query_weight)
        context.gemm(false, false, active, p.h, p.a, 1, d_query, p.a, p.query_weight, p.h, 1, walk.d_state(), p.h);
      const float* d_input = walk.retreat(t, d_both + p.m, ld, gru_input);
      if (t > 0)
        context.gemm(false, false, active, p.o, p.width, 1, d_input, p.width, p.feed_weight, p.o, 0, d_back, p.o);
    } else {
      const float* d_input = walk.retreat(t, nullptr, 0, gru_input);
      context.gemm(false, false, active, p.m, p.width, 1, d_input, p.width, p.feed_weight, p.m, 0, d_both, p.m);
      attend_step_backward(t, d_context_outputs);
      walk.pull(t, d_query, p.a, p.query_weight);
    }
  }
  finish(p, {p.query_weight ? queries : asking, d_queries, d_sums, d_v, d_scores, d_contexts});
}

const Kernels kAttentiveRecurrent{"attentive_recurrent", forward, backward};

}  // namespace

}  // namespace storm::cuda
