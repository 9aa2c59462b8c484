#include "ops/cached_attention.h"

#include <omp.h>

#include <cmath>

#include "base/error.h"
#include "ops/attention.h"
#include "tests/catch.h"
#include "tests/ops/check.h"
#include "tests/ops/once.h"

using namespace storm;
using test::random_floats;

namespace {

struct Heads {
  int32_t heads, d_k, d_v;
  int64_t in() const { return int64_t{heads} * (2 * d_k + d_v); }
  int64_t cached() const { return int64_t{heads} * (d_k + d_v); }
  int64_t out() const { return int64_t{heads} * d_v; }
};

std::vector<float> run(Graph& graph, Value y) {
  graph.keep(y);
  const test::Once once(graph);
  once.forward();
  return {once.run.data(y), once.run.data(y) + graph.shape(y).size()};
}

// The last row of causal attention over one whole history [steps, in].
std::vector<float> at_once(const Heads& h, const std::vector<float>& history) {
  const auto steps = static_cast<int32_t>(history.size() / static_cast<std::size_t>(h.in()));
  const int32_t offsets[] = {0, steps};
  Graph graph(false);
  const Value o = graph.constant({2, 1}, offsets);
  const Value in = graph.constant({steps, h.in()}, history.data());
  const auto all = run(graph, attention(graph, {.q = in,
                                                .kv = in,
                                                .k_column = h.heads * h.d_k,
                                                .v_column = 2 * h.heads * h.d_k,
                                                .q_offsets = o,
                                                .kv_offsets = o,
                                                .heads = h.heads,
                                                .d_k = h.d_k,
                                                .d_v = h.d_v,
                                                .causal = true}));
  return {all.end() - h.out(), all.end()};
}

// Decodes `steps` steps of beams that are reordered, and shrink, at every step; each row carries the history it should
// have seen. Returns all outputs.
std::vector<float> decode(const Heads& h, int32_t first_rows, int32_t steps, bool compare) {
  std::vector<std::vector<float>> cache(static_cast<std::size_t>(steps));
  std::vector<float*> pointers(cache.size());
  std::vector<std::vector<int32_t>> paths(static_cast<std::size_t>(first_rows));
  std::vector<std::vector<float>> histories(static_cast<std::size_t>(first_rows));
  std::vector<float> outputs;
  double worst = 0;
  for (int32_t step = 0; step < steps; ++step) {
    const auto s = static_cast<std::size_t>(step);
    if (step > 0) {  // row r goes on from an earlier row; some are taken twice, some never, the last one is dropped
      const std::size_t rows = std::max<std::size_t>(1, paths.size() - (step % 3 == 0));
      std::vector<std::vector<int32_t>> new_paths(rows);
      std::vector<std::vector<float>> new_histories(rows);
      for (std::size_t r = 0; r < rows; ++r) {
        const std::size_t from = (r * r + s) % paths.size();
        new_paths[r] = paths[from];
        new_paths[r].push_back(static_cast<int32_t>(from));
        new_histories[r] = histories[from];
      }
      paths = std::move(new_paths);
      histories = std::move(new_histories);
    }
    const std::size_t rows = paths.size();
    auto qkv = random_floats(rows * static_cast<std::size_t>(h.in()), 50 + s);
    for (float& x : qkv) x *= 2;
    const int64_t stride = steps + 3;
    std::vector<int32_t> path(rows * static_cast<std::size_t>(stride), -1);
    for (std::size_t r = 0; r < rows; ++r) {
      std::copy(paths[r].begin(), paths[r].end(), path.begin() + static_cast<std::ptrdiff_t>(r) * stride);
      const auto row = qkv.begin() + static_cast<std::ptrdiff_t>(r) * h.in();
      histories[r].insert(histories[r].end(), row, row + h.in());
    }
    cache[s].assign(rows * static_cast<std::size_t>(h.cached()), NAN);
    pointers[s] = cache[s].data();
    Graph graph(false);
    const Value in = graph.constant({static_cast<int64_t>(rows), h.in()}, qkv.data());
    const AttentionCache now{graph.constant({1, step + 1}, pointers.data()), step,
                             graph.constant({static_cast<int64_t>(rows), stride}, path.data())};
    const auto y = run(graph, cached_attention(graph, in, now, h.heads, h.d_k, h.d_v));
    outputs.insert(outputs.end(), y.begin(), y.end());
    for (std::size_t r = 0; compare && r < rows; ++r) {
      const auto want = at_once(h, histories[r]);
      for (std::size_t i = 0; i < want.size(); ++i)
        worst = std::max(worst, std::abs(static_cast<double>(want[i] - y[r * want.size() + i])));
    }
  }
  if (compare) CHECK(worst < test::allowed(1e-6));
  return outputs;
}

}  // namespace

TEST_CASE("decoding step by step equals causal attention at once, whatever way the beams went") {
  for (const Heads h : {Heads{1, 1, 1}, {2, 3, 8}, {4, 8, 20}, {2, 32, 32}, {1, 33, 1}, {2, 64, 64}}) {
    CAPTURE(h.heads, h.d_k, h.d_v);
    decode(h, 1, 5, true);
    decode(h, 6, 14, true);
  }
}

TEST_CASE("a row whose past begins later sees nothing from before it") {
  const Heads h{2, 5, 3};
  constexpr int32_t kSteps = 6;
  const std::vector<int32_t> firsts{0, 3, 5, 1};  // the third has no past at all
  const auto rows = static_cast<int64_t>(firsts.size());
  const auto kv = random_floats(static_cast<std::size_t>(kSteps * rows * h.cached()), 3);
  std::vector<std::vector<float>> cache;
  std::vector<float*> steps;
  for (int32_t s = 0; s < kSteps; ++s) {
    const auto from = kv.begin() + s * rows * h.cached();
    cache.emplace_back(from, from + rows * h.cached());
    for (std::size_t r = 0; r < firsts.size(); ++r)  // what is before is not even a number
      if (s < firsts[r])
        std::fill_n(cache.back().begin() + static_cast<std::ptrdiff_t>(r) * h.cached(), h.cached(), NAN);
    steps.push_back(cache.back().data());
  }
  std::vector<int32_t> path;
  for (int32_t r = 0; r < rows; ++r) path.insert(path.end(), kSteps - 1, r);
  const auto qkv = random_floats(static_cast<std::size_t>(rows * h.in()), 4);
  Graph graph(false);
  const AttentionCache now{.steps = graph.constant({1, kSteps}, steps.data()),
                           .step = kSteps - 1,
                           .path = graph.constant({rows, kSteps - 1}, path.data()),
                           .first = graph.constant({rows, 1}, firsts.data())};
  const auto y =
      run(graph, cached_attention(graph, graph.constant({rows, h.in()}, qkv.data()), now, h.heads, h.d_k, h.d_v));
  for (std::size_t r = 0; r < firsts.size(); ++r) {
    std::vector<float> history;
    for (int32_t s = firsts[r]; s < kSteps; ++s) {
      const auto row = static_cast<std::ptrdiff_t>(r);
      const auto kept = cache[static_cast<std::size_t>(s)].begin() + row * h.cached();
      history.insert(history.end(), qkv.begin() + row * h.in(), qkv.begin() + row * h.in() + h.heads * h.d_k);
      history.insert(history.end(), kept, kept + h.cached());
    }
    const auto want = at_once(h, history);
    for (std::size_t i = 0; i < want.size(); ++i)
      CHECK(std::abs(static_cast<double>(want[i] - y[r * want.size() + i])) < test::allowed(1e-6));
  }
}

TEST_CASE("a step keeps its keys, then its values, in the cache") {
  const Heads h{2, 3, 2};
  const auto qkv = random_floats(2 * static_cast<std::size_t>(h.in()), 1);
  std::vector<float> cache(2 * static_cast<std::size_t>(h.cached()));
  float* steps[] = {cache.data()};
  Graph graph(false);
  const Value in = graph.constant({2, h.in()}, qkv.data());
  const Value addresses = graph.constant({1, 1}, steps);
  const auto y = run(graph, cached_attention(graph, in, {.steps = addresses}, h.heads, h.d_k, h.d_v));
  for (std::ptrdiff_t r = 0; r < 2; ++r) {
    const auto row = qkv.begin() + r * h.in();
    CHECK(std::equal(row + 6, row + h.in(), cache.begin() + r * h.cached()));
    CHECK(std::equal(row + 12, row + h.in(), y.begin() + r * h.out()));  // one step: its value is the answer
  }
}

TEST_CASE("decoding gives the same bits for any number of threads") {
  const Heads h{3, 16, 16};
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  const auto one = decode(h, 200, 20, false);
  omp_set_num_threads(2);
  const auto two = decode(h, 200, 20, false);
  omp_set_num_threads(threads);
  CHECK(one == two);
}

TEST_CASE("a cache that does not fit is refused") {
  const std::vector<float> x(12);
  float* pointers[] = {nullptr, nullptr};
  const int32_t went[] = {0, 0};
  Graph graph(false);
  const Value in = graph.constant({1, 12}, x.data()), steps = graph.constant({1, 1}, pointers);
  const Value two = graph.constant({1, 2}, pointers), path = graph.constant({1, 1}, went);
  CHECK_NOTHROW(cached_attention(graph, in, {two, 1, path}, 2, 2, 2));
  CHECK_THROWS_AS(cached_attention(graph, in, {steps, 0, {}}, 2, 3, 2), Error);
  CHECK_THROWS_AS(cached_attention(graph, in, {}, 2, 2, 2), Error);
  CHECK_THROWS_AS(cached_attention(graph, in, {steps, 1, path}, 2, 2, 2), Error);
  CHECK_THROWS_AS(cached_attention(graph, in, {two, 1, {}}, 2, 2, 2), Error);
  CHECK_THROWS_AS(cached_attention(graph, in, {two, 1, graph.constant({2, 1}, went)}, 2, 2, 2), Error);
}
