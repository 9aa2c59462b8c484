#include "ops/attentive_recurrent.h"

#include <algorithm>

#include "base/parallel.h"
#include "cpu/gemm.h"
#include "cpu/simd.h"
#include "ops/add_rows.h"
#include "ops/column_sums.h"
#include "ops/scratch.h"

namespace storm {

namespace {

using namespace attentive;
using Attributes = AttentiveAttributes;

constexpr int64_t kRowGrain = 4;

STORM_CLONES void tanh_row(float* y, const float* bias, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) y[i] = simd::tanh(y[i] + bias[i]);
}
// dz = (d + more) * (1 - y * y); d may be null
STORM_CLONES void tanh_row_backward(const float* d, const float* more, const float* y, int64_t n, float* dz) {
  if (d) {
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) dz[i] = (d[i] + more[i]) * (1 - y[i] * y[i]);
  } else {
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) dz[i] = more[i] * (1 - y[i] * y[i]);
  }
}

// What forward and backward both read.
struct Parts {
  const Execution& run;
  const Node& node;
  Attributes attributes;
  CellWalk walk;
  Alignment align;
  std::vector<int64_t> places;
  const int32_t *offsets, *ranges;
  Operand feed_weight, query_weight, out_weight;  // the latter two may be none
  int64_t a, m, o, fed;                           // fed: what the feed weight reads: m or o

  Parts(const Execution& r, const Node& n, bool backward)
      : run(r),
        node(n),
        attributes(n.attributes<Attributes>()),
        walk(r, n, attributes.cell, backward),
        align{attributes.scoring,
              r.shape(n.inputs[kKeys]).cols,
              r.shape(n.inputs[kMemory]).cols,
              r.data_or_null(n.inputs[kV]),
              r.data(n.inputs[kKeys]),
              r.data(n.inputs[kMemory]),
              attributes.logits},
        offsets(r.data<int32_t>(n.inputs[3])),
        ranges(r.data<int32_t>(n.inputs[kRanges])),
        feed_weight(weight_operand(r, n.inputs[kFeedWeight])),
        query_weight(weight_operand(r, n.inputs[kQueryWeight])),
        out_weight(weight_operand(r, n.inputs[kOutWeight])),
        a(align.a),
        m(align.m),
        o(out_weight ? r.shape(n.inputs[kOutWeight]).rows : 0),
        fed(out_weight ? o : m) {
    places.push_back(0);
    for (int64_t s = 0; s < walk.sentences; ++s)
      places.push_back(places.back() + int64_t{offsets[s + 1] - offsets[s]} * source_rows(s));
  }
  Sizes sizes() const { return {walk.tokens, walk.sentences, walk.h, walk.width, a, m, o, places.back()}; }
  int64_t source_rows(int64_t s) const { return ranges[2 * s + 1] - ranges[2 * s]; }
  float* weights(int64_t s, int64_t row) const {
    return run.data(node.outputs[kWeights]) + places[static_cast<std::size_t>(s)] + (row - offsets[s]) * source_rows(s);
  }
  // Calls body(i, row, sentence) for the rows of step t, in threads.
  template <class Body>
  void each(int64_t t, Body&& body) const {
    const auto rows = walk.steps.rows(t), order = walk.steps.order();
    parallel_ranges(walk.steps.active(t), kRowGrain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        body(i, rows[static_cast<std::size_t>(i)], order[static_cast<std::size_t>(i)]);
    });
  }
};

// Attention of step t: from the states [n, h] its queries [n, a] and contexts [n, m].
void attend_step(const Parts& p, int64_t t, const float* states, float* queries, float* contexts) {
  const int64_t n = p.walk.steps.active(t), h = p.walk.h;
  if (p.query_weight) gemm(false, true, n, p.a, h, {states, h}, p.query_weight, 0, queries, p.a);
  const float* asking = p.query_weight ? queries : states;
  float* all = p.run.data(p.node.outputs[kContext]);
  p.each(t, [&](int64_t i, int64_t row, int64_t s) {
    p.align.forward(asking + i * p.a, p.ranges[2 * s], p.source_rows(s), p.weights(s, row), contexts + i * p.m);
    std::copy_n(contexts + i * p.m, p.m, all + row * p.m);
  });
}

// Adds what is fed back [n, fed] to the gates of step t.
void feed_gates(Parts& p, int64_t t, const float* back, float* product) {
  const int64_t n = p.walk.steps.active(t), width = p.walk.width;
  gemm(false, true, n, width, p.fed, {back, p.fed}, p.feed_weight, 0, product, width);
  p.each(t, [&](int64_t i, int64_t row, int64_t) {
    add_rows(p.walk.x() + row * width, product + i * width, width, p.walk.gates() + row * width);
  });
}

void forward(const Execution& run, const Node& node) {
  Parts p(run, node, false);
  const int64_t n = p.walk.sentences, h = p.walk.h;
  float* scratch = run.scratch_forward(node) + node.scratch_forward / sizeof(float) - forward_floats(p.sizes());
  float *queries = cut(scratch, n * p.a), *contexts = cut(scratch, n * p.m), *outs = cut(scratch, n * p.o);
  float* product = cut(scratch, n * p.walk.width);
  const float* bias = run.data_or_null(node.inputs[kOutBias]);
  const float* before = run.data_or_null(node.inputs[kOut]);
  float* out = p.out_weight ? run.data(node.outputs[kOutput]) : nullptr;
  for (int64_t i = 0; before && i < n; ++i)
    std::copy_n(before + p.walk.steps.order()[static_cast<std::size_t>(i)] * p.o, p.o, outs + i * p.o);
  for (int64_t t = 0; t < p.walk.steps.count(); ++t) {
    if (!p.out_weight) {
      attend_step(p, t, p.walk.masked(), queries, contexts);
      feed_gates(p, t, contexts, product);
      p.walk.advance(t, true);
      continue;
    }
    const bool fed = t > 0 || before;
    if (fed) feed_gates(p, t, outs, product);
    p.walk.advance(t, fed);
    attend_step(p, t, p.walk.state(), queries, contexts);
    const int64_t active = p.walk.steps.active(t);
    gemm(false, true, active, p.o, p.m, {contexts, p.m}, p.out_weight, 0, outs, p.o);
    gemm(false, true, active, p.o, h, {p.walk.state(), h}, p.out_weight.from_column(p.m), 1, outs, p.o);
    p.each(t, [&](int64_t i, int64_t row, int64_t) {
      tanh_row(outs + i * p.o, bias, p.o);
      std::copy_n(outs + i * p.o, p.o, out + row * p.o);
    });
  }
}

// The gradients of the op's own weights, from what the steps left: d_queries [tokens, a], d_sums [tokens, o] (of what
// the outputs' tanh is taken), d_v [sentences, a].
void finish(Parts& p, const float* d_queries, const float* d_sums, const float* d_v, float* scratch) {
  const auto& run = p.run;
  const auto& in = p.node.inputs;
  const int64_t h = p.walk.h, tokens = p.walk.tokens, width = p.walk.width, ld = p.m + h;
  const float *states = run.data(p.node.outputs[1]), *context = run.data(p.node.outputs[kContext]);
  const auto beta = [&](std::size_t i) { return run.beta(p.node, i); };
  if (float* d = run.gradient(in[kFeedWeight])) {
    const float* back = context;
    if (p.out_weight) {  // the output before each token
      const float* out = run.data(p.node.outputs[kOutput]);
      for (int64_t s = 0; s < p.walk.sentences; ++s)
        for (int64_t row = p.offsets[s]; row < p.offsets[s + 1]; ++row) {
          if (row == p.offsets[s])
            std::fill_n(scratch + row * p.o, p.o, 0.0f);
          else
            std::copy_n(out + (row - 1) * p.o, p.o, scratch + row * p.o);
        }
      back = scratch;
    }
    gemm(true, false, width, p.fed, tokens, 1, p.walk.d_gates(), width, back, p.fed, beta(kFeedWeight), d, p.fed);
  }
  if (float* d = run.gradient(in[kQueryWeight]))
    gemm(true, false, p.a, h, tokens, 1, d_queries, p.a, p.out_weight ? states : p.walk.previous_states(), h,
         beta(kQueryWeight), d, h);
  if (float* d = run.gradient(in[kOutWeight])) {
    gemm(true, false, p.o, p.m, tokens, 1, d_sums, p.o, context, p.m, beta(kOutWeight), d, ld);
    gemm(true, false, p.o, h, tokens, 1, d_sums, p.o, states, h, beta(kOutWeight), d + p.m, ld);
  }
  const auto add_sums = [&](std::size_t input, const float* rows, int64_t count, int64_t n) {
    if (float* d = run.gradient(in[input])) add_column_sums(d, beta(input), rows, count, n, n);
  };
  add_sums(kOutBias, d_sums, tokens, p.o);
  add_sums(kV, d_v, p.walk.sentences, p.a);
  p.walk.finish();
}

void backward(const Execution& run, const Node& node) {
  Parts p(run, node, true);
  const int64_t n = p.walk.sentences, h = p.walk.h, tokens = p.walk.tokens, width = p.walk.width, ld = p.m + h;
  float* scratch = run.scratch_backward(node) + node.scratch_backward / sizeof(float) - backward_floats(p.sizes());
  float *d_query = cut(scratch, n * p.a), *d_v = cut(scratch, n * p.a), *d_context = cut(scratch, n * p.m);
  float *d_sum = cut(scratch, n * p.o), *d_back = cut(scratch, n * p.o), *d_input = cut(scratch, n * width);
  float *queries = cut(scratch, tokens * p.a), *d_sums = cut(scratch, tokens * p.o);
  float* last_outs = cut(scratch, tokens * p.o);
  std::fill_n(d_back, n * p.o, 0.0f);
  std::fill_n(d_v, n * p.a, 0.0f);
  for (const std::size_t i : {kKeys, kMemory})
    if (float* d = run.gradient(node.inputs[i]); d && run.beta(node, i) == 0)
      std::fill_n(d, run.shape(node.inputs[i]).size(), 0.0f);
  const AlignmentGradients gradients{run.gradient(node.inputs[kKeys]), run.gradient(node.inputs[kMemory])};
  // All queries at once; a query's place takes its gradient.
  const float* states = run.data(node.outputs[1]);
  const float* asking = p.out_weight ? states : p.walk.previous_states();
  if (p.query_weight) gemm(false, true, tokens, p.a, h, {asking, h}, p.query_weight, 0, queries, p.a);
  const auto attend_step_backward = [&](int64_t t) {
    p.each(t, [&](int64_t i, int64_t row, int64_t s) {
      float* query = queries + row * p.a;
      gradients.backward(p.align, p.query_weight ? query : asking + row * h, p.ranges[2 * s], p.source_rows(s),
                         p.weights(s, row), d_context + i * p.m, query, d_v + s * p.a);
      std::copy_n(query, p.a, d_query + i * p.a);
    });
  };
  const float* out = p.out_weight ? run.data(node.outputs[kOutput]) : nullptr;
  const float* d_out = p.out_weight ? run.gradient(node.outputs[kOutput]) : nullptr;
  const float* d_contexts = run.gradient(node.outputs[kContext]);
  for (int64_t t = p.walk.steps.count(); t-- > 0;) {
    const int64_t active = p.walk.steps.active(t);
    if (p.out_weight) {
      p.each(t, [&](int64_t i, int64_t row, int64_t) {
        tanh_row_backward(d_out ? d_out + row * p.o : nullptr, d_back + i * p.o, out + row * p.o, p.o, d_sum + i * p.o);
        std::copy_n(d_sum + i * p.o, p.o, d_sums + row * p.o);
      });
      gemm(false, false, active, p.m, p.o, 1, d_sum, p.o, p.out_weight.exact, ld, 0, d_context, p.m);
      gemm(false, false, active, h, p.o, 1, d_sum, p.o, p.out_weight.exact + p.m, ld, 1, p.walk.d_state(), h);
      attend_step_backward(t);
      if (p.query_weight)
        gemm(false, false, active, h, p.a, 1, d_query, p.a, p.query_weight.exact, h, 1, p.walk.d_state(), h);
      else
        p.each(t, [&](int64_t i, int64_t, int64_t) {
          add_rows(p.walk.d_state() + i * h, d_query + i * h, h, p.walk.d_state() + i * h);
        });
      p.walk.retreat(t, d_input);
      gemm(false, false, active, p.o, width, 1, d_input, width, p.feed_weight.exact, p.o, 0, d_back, p.o);
    } else {
      p.walk.retreat(t, d_input);
      gemm(false, false, active, p.m, width, 1, d_input, width, p.feed_weight.exact, p.m, 0, d_context, p.m);
      if (d_contexts)
        p.each(t, [&](int64_t i, int64_t row, int64_t) {
          add_rows(d_context + i * p.m, d_contexts + row * p.m, p.m, d_context + i * p.m);
        });
      attend_step_backward(t);
      p.walk.pull(d_query, p.a, p.query_weight.exact, active);
    }
  }
  finish(p, queries, d_sums, d_v, last_outs);
}

constexpr Op kAttentiveRecurrent{
    .name = "attentive_recurrent", .forward = forward, .backward = backward, .packed_weights = true};

}  // namespace

AttentiveStates attentive_recurrent(Graph& graph, const AttentiveInput& in) {
  const char* name = kAttentiveRecurrent.name;
  CellWalk::check(graph, in.cell, name);
  const bool feeding = static_cast<bool>(in.out_weight);
  const int64_t h = graph.shape(in.cell.weight).cols, width = graph.shape(in.cell.x).cols;
  const int64_t tokens = graph.shape(in.cell.x).rows, sentences = graph.shape(in.cell.offsets).rows - 1;
  const int64_t m = graph.shape(in.attention.memory).cols, o = feeding ? graph.shape(in.out_weight).rows : 0;
  const int64_t a = in.query_weight ? graph.shape(in.query_weight).rows : h;
  check_alignment(graph, in.attention, in.cell.offsets, a, name);
  require(!in.cell.reverse, name, ": a decoder reads from left to right");
  require(in.query_weight || feeding, name, ": without an output weight the query needs a weight");
  require(!in.query_weight || graph.shape(in.query_weight).cols == h, name,
          ": the query's weight does not fit the state");
  require(graph.shape(in.feed_weight) == (Shape{width, feeding ? o : m}), name, ": the feed weight must be [", width,
          ",", feeding ? o : m, "]");
  require(!feeding || (graph.shape(in.out_weight).cols == m + h && in.out_bias && graph.shape(in.out_bias).size() == o),
          name, ": the output's weight and bias must be [", o, ",", m + h, "] and [1,", o, "]");
  require(!in.out || (feeding && !graph.gradients() && graph.shape(in.out) == (Shape{sentences, o})), name,
          ": the output before the first step is for decoding with input feeding alone");
  Node node = CellWalk::node_of(kAttentiveRecurrent, in.cell);
  const Value more[] = {in.feed_weight,    in.query_weight,     in.attention.v,
                        in.attention.keys, in.attention.memory, in.attention.ranges,
                        in.out_weight,     in.out_bias,         in.out};
  std::copy(std::begin(more), std::end(more), node.inputs.begin() + kFeedWeight);
  node.keep_inputs |= 0b01'1111'1100'0000;  // all but the output's bias and the first output
  node.keep_outputs |= 0b111000;
  const auto [gates, states, extra] = CellWalk::outputs_of(graph, in.cell);
  const int64_t weights = weight_places(graph, in.cell.offsets, in.attention.ranges).back();
  const Sizes sizes{tokens, sentences, h, width, a, m, o, weights};
  node.scratch_forward = (CellWalk::forward_floats(graph, in.cell) + forward_floats(sizes)) * sizeof(float);
  node.scratch_backward = (CellWalk::backward_floats(graph, in.cell) + backward_floats(sizes)) * sizeof(float);
  const Attributes attributes{{in.cell.cell, false, in.cell.dropout}, in.attention.scoring, in.attention.logits};
  const Value first = graph.record(
      node, {{gates}, {states}, {extra}, {{tokens, m}}, {{feeding ? tokens : 0, o}}, {{weights, 1}}}, attributes);
  const auto& outputs = graph.producer(first).outputs;
  return {outputs[1], in.cell.cell == Cell::lstm ? outputs[2] : Value{}, outputs[kContext],
          feeding ? outputs[kOutput] : Value{}, outputs[kWeights]};
}

}  // namespace storm
