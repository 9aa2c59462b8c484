#include "ops/log_mixture.h"

#include <bit>
#include <cfloat>
#include <cmath>

#include "base/error.h"
#include "base/parallel.h"
#include "cpu/simd.h"
#include "tensor/execution.h"

namespace storm {

namespace {

constexpr int64_t kGrain = 4096, kBlock = 256;

struct Mixed {
  const float* x[kMostMixed];
  float log_weights[kMostMixed];
  std::size_t count;
  float sign;
  float* y;  // may lie where the first x does
};

// The logarithm to 1 ulp of a normal number above 0; NaN stays NaN. The mantissa's polynomial is that of Cephes' logf
// (S. L. Moshier).
STORM_INLINE float log(float x) {
  const uint32_t root = 0x3f3504f3, bits = std::bit_cast<uint32_t>(x) - root;  // of sqrt(0.5): mantissas begin there
  const auto e = static_cast<float>(static_cast<int32_t>(bits) >> 23);
  const float m = std::bit_cast<float>((bits & 0x7fffff) + root) - 1.0f, z = m * m;
  float p = 7.0376836292e-2f;
  p = p * m - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  p = p * m * z - 2.12194440e-4f * e - 0.5f * z;
  return (m + p) + 0.693359375f * e + (x - x);
}

// The largest term is taken out of the sum, which is then 1 at least; where there is none, as all are -infinity, the
// logarithm is that, too.
STORM_CLONES void mix(const Mixed& in, int64_t begin, int64_t end) {
  float most[kBlock], sum[kBlock];
  const float sign = in.sign;
  for (int64_t at = begin; at < end; at += kBlock) {
    const int64_t n = end - at < kBlock ? end - at : kBlock;
    for (int64_t i = 0; i < n; ++i) most[i] = -FLT_MAX, sum[i] = 0;
    for (std::size_t k = 0; k < in.count; ++k) {
      const float* x = in.x[k] + at;
      const float weight = in.log_weights[k];
#pragma omp simd
      for (int64_t i = 0; i < n; ++i) {
        const float term = weight + sign * x[i];
        most[i] = term > most[i] ? term : most[i];
      }
    }
    for (std::size_t k = 0; k < in.count; ++k) {
      const float* x = in.x[k] + at;
      const float weight = in.log_weights[k];
#pragma omp simd
      for (int64_t i = 0; i < n; ++i) sum[i] += simd::exp((weight + sign * x[i]) - most[i]);
    }
    float* y = in.y + at;
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) y[i] = sign * (sum[i] < 0.5f ? -__builtin_huge_valf() : most[i] + log(sum[i]));
  }
}

void forward(const Execution& run, const Node& node) {
  const auto attributes = node.attributes<LogMixtureAttributes>();
  Mixed in{};
  for (; in.count < kMostMixed && node.inputs[in.count]; ++in.count) {
    in.x[in.count] = run.data(node.inputs[in.count]);
    in.log_weights[in.count] = attributes.log_weights[in.count];
  }
  in.sign = attributes.sign;
  in.y = run.data(node.outputs[0]);
  parallel_ranges(run.shape(node.outputs[0]).size(), kGrain, [&](int64_t begin, int64_t end) { mix(in, begin, end); });
}

constexpr Op kLogMixture{"log_mixture", forward};

}  // namespace

Value log_mixture(Graph& graph, std::span<const Value> log_probs, std::span<const double> weights, float sign) {
  require(!log_probs.empty() && log_probs.size() <= kMostMixed && weights.size() == log_probs.size(),
          "log_mixture: ", log_probs.size(), " values and ", weights.size(), " weights; up to ", kMostMixed,
          " of each are mixed");
  Node node{.op = &kLogMixture, .in_place = 0};
  LogMixtureAttributes attributes{.sign = sign, .log_weights = {}};
  for (std::size_t i = 0; i < log_probs.size(); ++i) {
    require(graph.shape(log_probs[i]) == graph.shape(log_probs[0]), "log_mixture: the values differ in shape");
    node.inputs[i] = log_probs[i];
    attributes.log_weights[i] = static_cast<float>(std::log(weights[i]));
  }
  return graph.record(node, {{graph.shape(log_probs[0])}}, attributes);
}

}  // namespace storm
