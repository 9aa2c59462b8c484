#include "ops/attention_memory.h"

#include <cmath>

#include "base/error.h"
#include "base/parallel.h"
#include "cpu/simd.h"
#include "tensor/execution.h"

namespace storm {

namespace {

using Attributes = AttentionMemoryAttributes;

STORM_CLONES void forward_rows(const float* z, const float* e, float factor, float* kv, int64_t begin, int64_t end,
                               int64_t n) {
  for (int64_t r = begin; r < end; ++r) {
    const float *key = z + r * n, *embedding = e + r * n;
    float* out = kv + r * 2 * n;
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) {
      out[i] = key[i];
      out[n + i] = factor * (key[i] + embedding[i]);
    }
  }
}

struct Backward {
  const float* dkv;
  float *dz, *de;  // either may be null
  float beta_z, beta_e, z_gradient;
  int64_t n;
};

// Where z and e are one value, so are dz and de: the first is done before the second.
STORM_CLONES void backward_rows(const Backward& f, float factor, int64_t begin, int64_t end) {
  const int64_t n = f.n;
  const float z_gradient = f.z_gradient;
  for (int64_t r = begin; r < end; ++r) {
    const float* d = f.dkv + r * 2 * n;
    if (float* dz = f.dz ? f.dz + r * n : nullptr) {
      if (f.beta_z == 0) {
#pragma omp simd
        for (int64_t i = 0; i < n; ++i) dz[i] = z_gradient * (d[i] + factor * d[n + i]);
      } else {
#pragma omp simd
        for (int64_t i = 0; i < n; ++i) dz[i] += z_gradient * (d[i] + factor * d[n + i]);
      }
    }
    if (float* de = f.de ? f.de + r * n : nullptr) {
      if (f.beta_e == 0) {
#pragma omp simd
        for (int64_t i = 0; i < n; ++i) de[i] = factor * d[n + i];
      } else {
#pragma omp simd
        for (int64_t i = 0; i < n; ++i) de[i] += factor * d[n + i];
      }
    }
  }
}

// Calls body(factor, begin, end) for the rows of each sentence.
template <class Body>
void for_sentences(const Execution& run, const Node& node, Body&& body) {
  const int32_t* offsets = run.data<int32_t>(node.inputs[2]);
  const int64_t sentences = run.shape(node.inputs[2]).rows - 1, rows = run.shape(node.inputs[0]).rows;
  bool good = offsets[0] == 0 && offsets[sentences] == rows;
  for (int64_t s = 0; s < sentences; ++s) good = good && offsets[s] <= offsets[s + 1];
  require(good, "attention_memory: offsets must rise from 0 to the ", rows, " rows");
  const float scale = node.attributes<Attributes>().scale;
  parallel_ranges(sentences, 4, [&](int64_t first, int64_t last) {
    for (int64_t s = first; s < last; ++s)
      body(scale * std::sqrt(static_cast<float>(offsets[s + 1] - offsets[s])), int64_t{offsets[s]},
           int64_t{offsets[s + 1]});
  });
}

void forward(const Execution& run, const Node& node) {
  const float *z = run.data(node.inputs[0]), *e = run.data(node.inputs[1]);
  float* kv = run.data(node.outputs[0]);
  const int64_t n = run.shape(node.inputs[0]).cols;
  for_sentences(run, node,
                [&](float factor, int64_t begin, int64_t end) { forward_rows(z, e, factor, kv, begin, end, n); });
}

void backward(const Execution& run, const Node& node) {
  const Backward f{.dkv = run.gradient(node.outputs[0]),
                   .dz = run.gradient(node.inputs[0]),
                   .de = run.gradient(node.inputs[1]),
                   .beta_z = run.beta(node, 0),
                   .beta_e = run.beta(node, 1),
                   .z_gradient = node.attributes<Attributes>().z_gradient,
                   .n = run.shape(node.inputs[0]).cols};
  for_sentences(run, node, [&](float factor, int64_t begin, int64_t end) { backward_rows(f, factor, begin, end); });
}

constexpr Op kAttentionMemory{"attention_memory", forward, backward};

}  // namespace

Value attention_memory(Graph& graph, Value z, Value e, Value offsets, float scale, float z_gradient) {
  const Shape shape = graph.shape(z);
  require(graph.shape(e) == shape, "attention_memory: outputs and embeddings differ in shape");
  require(graph.shape(offsets).rows > 0 && graph[offsets].dtype == DType::I32,
          "attention_memory: offsets must be I32 [sentences + 1, 1]");
  Node node{.op = &kAttentionMemory, .inputs = {z, e, offsets}};
  node.keep_inputs = 0b100;
  return graph.record(node, {{{shape.rows, 2 * shape.cols}}}, Attributes{scale, z_gradient});
}

}  // namespace storm
