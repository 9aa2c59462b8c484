#include "ops/weight_norm.h"

#include "base/error.h"
#include "base/parallel.h"
#include "cpu/simd.h"
#include "tensor/execution.h"

namespace storm {

namespace {

struct Attributes {};

constexpr int64_t kRowGrain = 8;

// lengths: [rows] or null
STORM_CLONES void forward_rows(const float* v, const float* g, float* w, float* lengths, int64_t begin, int64_t end,
                               int64_t n) {
  for (int64_t r = begin; r < end; ++r) {
    const float* row = v + r * n;
    float squares = 0;
#pragma omp simd reduction(+ : squares)
    for (int64_t i = 0; i < n; ++i) squares += row[i] * row[i];
    const float length = __builtin_sqrtf(squares), factor = g[r] / length;
    float* out = w + r * n;
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) out[i] = factor * row[i];
    if (lengths) lengths[r] = length;
  }
}

struct Backward {
  const float *v, *g, *lengths, *dw;
  float *dv, *dg;  // either may be null
  float beta_v, beta_g;
  int64_t n;
};

STORM_CLONES void backward_rows(const Backward& f, int64_t begin, int64_t end) {
  const int64_t n = f.n;
  for (int64_t r = begin; r < end; ++r) {
    const float *v = f.v + r * n, *dw = f.dw + r * n;
    float dot = 0;
#pragma omp simd reduction(+ : dot)
    for (int64_t i = 0; i < n; ++i) dot += v[i] * dw[i];
    const float length = f.lengths[r], along = dot / length;
    if (f.dg) f.dg[r] = along + (f.beta_g == 0 ? 0.0f : f.dg[r]);
    if (!f.dv) continue;
    float* dv = f.dv + r * n;
    const float factor = f.g[r] / length, back = along / length;
    if (f.beta_v == 0) {
#pragma omp simd
      for (int64_t i = 0; i < n; ++i) dv[i] = factor * (dw[i] - back * v[i]);
    } else {
#pragma omp simd
      for (int64_t i = 0; i < n; ++i) dv[i] += factor * (dw[i] - back * v[i]);
    }
  }
}

void forward(const Execution& run, const Node& node) {
  const auto [rows, n] = run.shape(node.inputs[0]);
  const float *v = run.data(node.inputs[0]), *g = run.data(node.inputs[1]);
  float *w = run.data(node.outputs[0]), *lengths = run.data_or_null(node.outputs[1]);
  parallel_ranges(rows, kRowGrain,
                  [=, width = n](int64_t begin, int64_t end) { forward_rows(v, g, w, lengths, begin, end, width); });
}

void backward(const Execution& run, const Node& node) {
  const Backward f{.v = run.data(node.inputs[0]),
                   .g = run.data(node.inputs[1]),
                   .lengths = run.data(node.outputs[1]),
                   .dw = run.gradient(node.outputs[0]),
                   .dv = run.gradient(node.inputs[0]),
                   .dg = run.gradient(node.inputs[1]),
                   .beta_v = run.beta(node, 0),
                   .beta_g = run.beta(node, 1),
                   .n = run.shape(node.inputs[0]).cols};
  parallel_ranges(run.shape(node.inputs[0]).rows, kRowGrain,
                  [&](int64_t begin, int64_t end) { backward_rows(f, begin, end); });
}

constexpr Op kWeightNorm{"weight_norm", forward, backward};

}  // namespace

Value weight_norm(Graph& graph, Value v, Value g) {
  const Shape shape = graph.shape(v);
  require(graph.shape(g).size() == shape.rows, "weight_norm: ", shape.rows, " rows, ", graph.shape(g).size(),
          " lengths");
  Node node{.op = &kWeightNorm, .inputs = {v, g}};
  node.keep_inputs = 0b11;
  node.keep_outputs = 0b10;
  if (!graph.gradients()) return graph.record(node, {{shape}}, Attributes{});
  return graph.record(node, {{shape}, {{shape.rows, 1}}}, Attributes{});
}

}  // namespace storm
