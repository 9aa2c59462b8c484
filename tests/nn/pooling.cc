// One vector of many: of a text's tokens, and of a token's layers.
#include <cmath>

#include "nn/attention_pooling.h"
#include "nn/layer_mix.h"
#include "tensor/workspace.h"
#include "tests/catch.h"
#include "tests/ops/check.h"

using namespace storm;
using test::Doubles;

namespace {

const std::vector<int32_t> kOffsets{0, 3, 3, 4, 9};
constexpr int64_t kTokens = 9;

double score_of(PoolingScore score, const double* q, const double* h, const double* w, std::size_t width) {
  double sum = 0;
  for (std::size_t i = 0; i < width; ++i) {
    const double apart = (q[i] - h[i]) * (w ? w[i] : 1);
    sum += score == PoolingScore::dot ? q[i] * h[i] / std::sqrt(static_cast<double>(width)) : -apart * apart / 2;
  }
  return sum;
}

// in: states, query, and the kernel's width where it is learned. -> pooled, and behind it the weights
std::pair<Doubles, Doubles> reference(PoolingScore score, std::span<const Doubles> in) {
  const std::size_t width = in[1].size();
  Doubles pooled, weights;
  for (std::size_t text = 0; text + 1 < kOffsets.size(); ++text) {
    const auto begin = static_cast<std::size_t>(kOffsets[text]), end = static_cast<std::size_t>(kOffsets[text + 1]);
    double sum = 0;
    for (std::size_t t = begin; t < end; ++t) {
      weights.push_back(std::exp(
          score_of(score, in[1].data(), in[0].data() + t * width, in.size() > 2 ? in[2].data() : nullptr, width)));
      sum += weights.back();
    }
    Doubles mean(width);
    for (std::size_t t = begin; t < end; ++t) {
      weights[t] /= sum;
      for (std::size_t i = 0; i < width; ++i) mean[i] += weights[t] * in[0][t * width + i];
    }
    pooled.insert(pooled.end(), mean.begin(), mean.end());
  }
  return {pooled, weights};
}

constexpr PoolingScore kScores[] = {PoolingScore::dot, PoolingScore::kernel, PoolingScore::kernel_fixed};

}  // namespace

TEST_CASE("pooling by attention equals its double-precision reference, forward and gradients") {
  for (const PoolingScore score : kScores)
    for (const int64_t width : {1, 6, 70}) {
      std::vector<Shape> shapes{{kTokens, width}, {1, width}};
      if (score == PoolingScore::kernel) shapes.push_back({1, width});
      INFO("score " << static_cast<int>(score) << " width " << width);
      test::check_op(
          {.inputs = shapes,
           .record =
               [&](Graph& g, std::span<const Value> v) {
                 return attention_pooling(g, v[0], kOffsets, score, v[1], v.size() > 2 ? v[2] : Value{}).pooled;
               },
           .reference = [&](std::span<const Doubles> in) { return reference(score, in).first; },
           .tolerance = 4e-6});
    }
}

TEST_CASE("pooling by attention gives out its weights, which sum to one in each text, or their scores") {
  constexpr int64_t width = 5;
  const auto states = test::random_floats(kTokens * width, 1);
  for (const PoolingScore score : kScores) {
    ParameterList list;
    const auto layer = AttentionPooling::declare(list, "pool", width, score);
    Parameters p(list.take());
    p.initialize(1);
    CHECK(p.contains("pool.width") == (score == PoolingScore::kernel));
    const auto query = test::random_floats(width, 2), factors = test::random_floats(width, 3);
    std::ranges::copy(query, p.view("pool.query").begin());
    std::vector<Doubles> in{Doubles(states.begin(), states.end()), Doubles(query.begin(), query.end())};
    if (score == PoolingScore::kernel) {
      std::ranges::copy(factors, p.view("pool.width").begin());
      in.emplace_back(factors.begin(), factors.end());
    }
    for (const bool scores : {false, true}) {
      Workspace workspace;
      const Value x = workspace.graph.constant({kTokens, width}, states.data());
      const Value weights = layer(workspace.graph, p, x, kOffsets, scores).weights;
      workspace.graph.keep(weights);
      workspace.run();
      REQUIRE(workspace.graph.shape(weights).size() == kTokens);
      const float* got = workspace.data(weights);
      const Doubles want = reference(score, in).second;
      for (std::size_t t = 0; t < kTokens; ++t) {
        const double wanted = scores ? score_of(score, in[1].data(), in[0].data() + t * width,
                                                in.size() > 2 ? in[2].data() : nullptr, width)
                                     : want[t];
        CHECK(static_cast<double>(got[t]) == Approx(wanted).margin(2e-6));
      }
    }
  }
}

TEST_CASE("pooling by a dot product begins as the mean of a text, and a mix of layers as the mean of the layers") {
  ParameterList list;
  const auto pooling = AttentionPooling::declare(list, "pool", 2, PoolingScore::dot);
  const auto mix = LayerMix::declare(list, "mix", 2);
  Parameters p(list.take());
  p.initialize(1);
  const std::vector<float> x{1, 2, 3, 6}, y{3, 2, 1, 0};
  Workspace workspace;
  Graph& graph = workspace.graph;
  const Value a = graph.constant({2, 2}, x.data()), b = graph.constant({2, 2}, y.data());
  const Value pooled = pooling(graph, p, a, std::vector<int32_t>{0, 2}).pooled,
              mixed = mix(graph, p, std::vector{a, b});
  graph.keep(pooled);
  graph.keep(mixed);
  workspace.run();
  CHECK(std::vector(workspace.data(pooled), workspace.data(pooled) + 2) == std::vector<float>{2, 4});
  CHECK(std::vector(workspace.data(mixed), workspace.data(mixed) + 4) == std::vector<float>{2, 2, 2, 3});
}
