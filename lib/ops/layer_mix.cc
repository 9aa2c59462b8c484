#include "ops/layer_mix.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "base/parallel.h"
#include "cpu/simd.h"
#include "tensor/execution.h"

namespace storm {

namespace {

using Attributes = LayerMixAttributes;

constexpr int64_t kGrain = 2 * kMixBlock;

STORM_CLONES void softmax(const float* scores, int64_t n, float* weights) { simd::softmax(scores, n, weights); }

std::vector<float> softmax_of(const Execution& run, const Node& node) {
  const float* scores = run.data(node.inputs[0]);
  std::vector<float> weights(static_cast<std::size_t>(run.shape(node.inputs[0]).size()));
  softmax(scores, static_cast<int64_t>(weights.size()), weights.data());
  return weights;
}

// y = factor * x, or what is there and that
STORM_CLONES void add_times(const float* x, float factor, bool add, float* y, int64_t begin, int64_t end) {
  if (add) {
#pragma omp simd
    for (int64_t i = begin; i < end; ++i) y[i] += factor * x[i];
  } else {
#pragma omp simd
    for (int64_t i = begin; i < end; ++i) y[i] = factor * x[i];
  }
}

STORM_CLONES float product(const float* x, const float* y, int64_t begin, int64_t end) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = begin; i < end; ++i) sum += x[i] * y[i];
  return sum;
}

void forward(const Execution& run, const Node& node) {
  const auto [first, count] = node.attributes<Attributes>();
  const auto weights = softmax_of(run, node);
  const float gamma = run.data(node.inputs[1])[0], *before = run.data_or_null(node.inputs[2]);
  float* y = run.data(node.outputs[0]);
  parallel_ranges(run.shape(node.outputs[0]).size(), kGrain,
                  [&, layers = count, from = first](int64_t begin, int64_t end) {
                    if (before && before != y) std::copy(before + begin, before + end, y + begin);
                    for (int32_t l = 0; l < layers; ++l)
                      add_times(run.data(node.inputs[kMixInputs + static_cast<std::size_t>(l)]),
                                gamma * weights[static_cast<std::size_t>(from + l)], before || l > 0, y, begin, end);
                  });
}

// With p the softmax and t[l] the product of h_l and dy: d gamma = sum of p[l] t[l], d scores[l] = gamma p[l] (t[l] -
// d gamma). Both are sums over the layers, to which each node gives the part of its own.
void backward(const Execution& run, const Node& node) {
  const auto a = node.attributes<Attributes>();
  const auto weights = softmax_of(run, node);
  const float gamma = run.data(node.inputs[1])[0], *dy = run.gradient(node.outputs[0]);
  const int64_t size = run.shape(node.outputs[0]).size(), blocks = (size + kMixBlock - 1) / kMixBlock;
  if (float* d = run.gradient(node.inputs[2]))
    parallel_ranges(size, kGrain,
                    [&](int64_t begin, int64_t end) { add_times(dy, 1, run.beta(node, 2) != 0, d, begin, end); });
  float* products = run.scratch_backward(node);
  parallel_items(blocks, [&](int64_t block) {
    const int64_t begin = block * kMixBlock, end = std::min(size, begin + kMixBlock);
    for (int32_t l = 0; l < a.count; ++l) {
      const std::size_t input = kMixInputs + static_cast<std::size_t>(l);
      products[block * a.count + l] = product(run.data(node.inputs[input]), dy, begin, end);
      if (float* d = run.gradient(node.inputs[input]))
        add_times(dy, gamma * weights[static_cast<std::size_t>(a.first + l)], run.beta(node, input) != 0, d, begin,
                  end);
    }
  });
  std::vector<double> d_scores(weights.size());
  double d_gamma = 0;
  for (int32_t l = 0; l < a.count; ++l) {
    double t = 0;
    for (int64_t block = 0; block < blocks; ++block) t += static_cast<double>(products[block * a.count + l]);
    const auto at = static_cast<std::size_t>(a.first + l);
    d_scores[at] = static_cast<double>(gamma * weights[at]) * t;
    d_gamma += static_cast<double>(weights[at]) * t;
  }
  if (float* d = run.gradient(node.inputs[0]))
    for (std::size_t l = 0; l < weights.size(); ++l) {
      const double own = d_scores[l] - static_cast<double>(gamma * weights[l]) * d_gamma;
      d[l] = static_cast<float>(own) + (run.beta(node, 0) == 0 ? 0.0f : d[l]);
    }
  if (float* d = run.gradient(node.inputs[1]))
    d[0] = static_cast<float>(d_gamma) + (run.beta(node, 1) == 0 ? 0.0f : d[0]);
}

constexpr Op kLayerMix{"layer_mix", forward, backward};

}  // namespace

Value layer_mix(Graph& graph, std::span<const Value> layers, Value scores, Value gamma) {
  require(!layers.empty() && graph.shape(scores).size() == static_cast<int64_t>(layers.size()),
          "layer_mix: ", layers.size(), " layers, ", graph.shape(scores).size(), " scores");
  require(graph.shape(gamma).size() == 1, "layer_mix: gamma is one number");
  const Shape shape = graph.shape(layers[0]);
  for (const Value layer : layers) require(graph.shape(layer) == shape, "layer_mix: the layers differ in shape");
  Value sum{};
  for (std::size_t first = 0; first < layers.size(); first += kMixedLayers) {
    const std::size_t count = std::min(kMixedLayers, layers.size() - first);
    Node node{.op = &kLayerMix, .inputs = {scores, gamma, sum}};
    std::copy_n(layers.begin() + static_cast<std::ptrdiff_t>(first), count, node.inputs.begin() + kMixInputs);
    node.keep_inputs = static_cast<uint16_t>(0b011 | ((1 << count) - 1) << kMixInputs);
    if (sum) node.in_place = 2;
    const auto blocks = static_cast<std::size_t>((shape.size() + kMixBlock - 1) / kMixBlock);
    node.scratch_backward = blocks * count * sizeof(float);
    sum = graph.record(node, {{shape}}, Attributes{static_cast<int32_t>(first), static_cast<int32_t>(count)});
  }
  return sum;
}

}  // namespace storm
