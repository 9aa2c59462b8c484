#include "ops/weighted_sum.h"

#include "base/error.h"
#include "base/parallel.h"
#include "cpu/simd.h"
#include "tensor/execution.h"

namespace storm {

namespace {

using Factors = WeightedSumAttributes;

constexpr int64_t kGrain = 4096;

// y may lie where a does; c may be null.
STORM_CLONES void add_terms(const float* a, const float* b, const float* c, float fa, float fb, float fc, float* y,
                            int64_t begin, int64_t end) {
  if (c) {
#pragma omp simd
    for (int64_t i = begin; i < end; ++i) y[i] = fa * a[i] + fb * b[i] + fc * c[i];
  } else {
#pragma omp simd
    for (int64_t i = begin; i < end; ++i) y[i] = fa * a[i] + fb * b[i];
  }
}

STORM_CLONES void pass_on(const float* dy, float factor, float beta, float* dx, int64_t begin, int64_t end) {
  if (beta == 0) {
#pragma omp simd
    for (int64_t i = begin; i < end; ++i) dx[i] = factor * dy[i];
  } else {
#pragma omp simd
    for (int64_t i = begin; i < end; ++i) dx[i] += factor * dy[i];
  }
}

void forward(const Execution& run, const Node& node) {
  const auto [fa, fb, fc] = node.attributes<Factors>();
  const float *a = run.data(node.inputs[0]), *b = run.data(node.inputs[1]), *c = run.data_or_null(node.inputs[2]);
  float* y = run.data(node.outputs[0]);
  parallel_ranges(
      run.shape(node.outputs[0]).size(), kGrain,
      [=, a_ = fa, b_ = fb, c_ = fc](int64_t begin, int64_t end) { add_terms(a, b, c, a_, b_, c_, y, begin, end); });
}

void backward(const Execution& run, const Node& node) {
  const auto factors = node.attributes<Factors>();
  const float* dy = run.gradient(node.outputs[0]);
  // One after the other: they are the same memory when a value is added to itself.
  for (std::size_t i = 0; i < factors.size(); ++i)
    if (float* dx = run.gradient(node.inputs[i]))
      parallel_ranges(run.shape(node.outputs[0]).size(), kGrain,
                      [&](int64_t begin, int64_t end) { pass_on(dy, factors[i], run.beta(node, i), dx, begin, end); });
}

constexpr Op kWeightedSum{"weighted_sum", forward, backward};

}  // namespace

Value weighted_sum(Graph& graph, Term a, Term b, Term c) {
  const Shape shape = graph.shape(a.value);
  require(graph.shape(b.value) == shape && (!c.value || graph.shape(c.value) == shape),
          "weighted_sum: the terms differ in shape");
  Node node{.op = &kWeightedSum, .inputs = {a.value, b.value, c.value}};
  node.in_place = 0;
  return graph.record(node, {{shape}}, Factors{a.factor, b.factor, c.factor});
}

}  // namespace storm
