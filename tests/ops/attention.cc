#include "ops/attention.h"

#include <omp.h>

#include <cmath>
#include <numeric>

#include "base/error.h"
#include "tests/catch.h"
#include "tests/ops/check.h"
#include "tests/ops/once.h"

using namespace storm;
using test::Doubles;
using test::random_floats;

namespace {

using Lengths = std::vector<int32_t>;

Lengths offsets_of(const Lengths& lengths) {
  Lengths offsets(lengths.size() + 1, 0);
  std::partial_sum(lengths.begin(), lengths.end(), offsets.begin() + 1);
  return offsets;
}

struct Case {
  Lengths q_lengths, kv_lengths;
  int32_t heads, d_k, d_v;
  bool causal = false;
  bool self = false;   // q, k and v are columns of one value
  int32_t unread = 0;  // columns before, between and after
  float dropout = 0;

  int32_t k_width() const { return heads * d_k; }
  int32_t v_width() const { return heads * d_v; }
  int32_t q_column() const { return unread; }
  int32_t k_column() const { return self ? q_column() + k_width() + unread : v_width() + 2 * unread; }
  int32_t v_column() const { return self ? k_column() + k_width() + unread : unread; }  // cross: values before keys
  int64_t q_rows() const { return std::accumulate(q_lengths.begin(), q_lengths.end(), int64_t{0}); }
  int64_t kv_rows() const { return std::accumulate(kv_lengths.begin(), kv_lengths.end(), int64_t{0}); }
  std::vector<Shape> shapes() const {
    if (self) return {{q_rows(), v_column() + v_width() + unread}};
    return {{q_rows(), q_column() + k_width() + unread}, {kv_rows(), k_column() + k_width() + unread}};
  }
};

// The offsets outlive the graph: they are the caller's.
Value record(Graph& g, const Case& c, std::span<const Value> in, const Lengths& q_offsets, const Lengths& kv_offsets) {
  const auto rows = static_cast<int64_t>(q_offsets.size());
  return attention(g, {.q = in[0],
                       .kv = in[in.size() - 1],
                       .q_column = c.q_column(),
                       .k_column = c.k_column(),
                       .v_column = c.v_column(),
                       .q_offsets = g.constant({rows, 1}, q_offsets.data()),
                       .kv_offsets = g.constant({rows, 1}, kv_offsets.data()),
                       .heads = c.heads,
                       .d_k = c.d_k,
                       .d_v = c.d_v,
                       .causal = c.causal,
                       .dropout = c.dropout});
}

Doubles reference(const Case& c, std::span<const Doubles> in) {
  const auto shapes = c.shapes();
  const Doubles &q = in[0], &kv = in[in.size() - 1];
  const int64_t q_ld = shapes[0].cols, kv_ld = shapes.back().cols;
  Doubles out(static_cast<std::size_t>(c.q_rows() * c.v_width()), 0.0);
  const Lengths q_offsets = offsets_of(c.q_lengths), kv_offsets = offsets_of(c.kv_lengths);
  const auto at = [](int64_t row, int64_t ld, int64_t col) { return static_cast<std::size_t>(row * ld + col); };
  for (std::size_t s = 0; s < c.q_lengths.size(); ++s)
    for (int32_t h = 0; h < c.heads; ++h)
      for (int64_t i = 0; i < c.q_lengths[s]; ++i) {
        const int64_t row = q_offsets[s] + i;
        const int64_t seen = c.causal ? std::min<int64_t>(i + 1, c.kv_lengths[s]) : c.kv_lengths[s];
        Doubles p(static_cast<std::size_t>(seen));
        double sum = 0;
        for (int64_t j = 0; j < seen; ++j) {
          double dot = 0;
          for (int64_t d = 0; d < c.d_k; ++d)
            dot += q[at(row, q_ld, c.q_column() + h * c.d_k + d)] *
                   kv[at(kv_offsets[s] + j, kv_ld, c.k_column() + h * c.d_k + d)];
          sum += p[static_cast<std::size_t>(j)] = std::exp(dot / std::sqrt(c.d_k));
        }
        for (int64_t j = 0; j < seen; ++j)
          for (int64_t d = 0; d < c.d_v; ++d)
            out[at(row, c.v_width(), h * c.d_v + d)] +=
                p[static_cast<std::size_t>(j)] / sum * kv[at(kv_offsets[s] + j, kv_ld, c.v_column() + h * c.d_v + d)];
      }
  return out;
}

void check(const Case& c, uint64_t seed = 1) {
  CAPTURE(c.q_lengths, c.kv_lengths, c.heads, c.d_k, c.d_v, c.causal, c.self, c.unread);
  const Lengths q_offsets = offsets_of(c.q_lengths), kv_offsets = offsets_of(c.kv_lengths);
  test::check_op({.inputs = c.shapes(),
                  .record = [&](Graph& g, auto in) { return record(g, c, in, q_offsets, kv_offsets); },
                  .reference = [&](auto in) { return reference(c, in); },
                  .scale = 2,
                  .seed = seed});
}

}  // namespace

TEST_CASE("self-attention over ragged sentences equals its double-precision reference, forward and gradients") {
  for (const bool causal : {false, true}) {
    check({{1}, {1}, 1, 1, 1, causal, true});
    check({{4}, {4}, 2, 3, 1, causal, true});
    check({{3, 0, 1, 9}, {3, 0, 1, 9}, 2, 8, 8, causal, true, 1});
    check({{2, 18}, {2, 18}, 1, 20, 3, causal, true});
    check({{7, 5}, {7, 5}, 2, 3, 20, causal, true, 2});
  }
}

TEST_CASE("heads of any width, blocks of any size and unread columns equal the reference") {
  check({{5, 3}, {5, 3}, 1, 32, 32, true, true});
  check({{6}, {6}, 1, 33, 16, false, true, 1});
  check({{6}, {6}, 1, 64, 33, true, true}, 2);
  check({{3}, {3}, 1, 16, 64, false, true}, 3);
  // More than one block of queries and of keys, tails of every size.
  check({{131}, {131}, 1, 2, 1, true, true}, 4);
  check({{67, 1}, {130, 2}, 1, 1, 2}, 5);
}

TEST_CASE("cross-attention takes empty queries and empty keys, which give zeros") {
  for (const bool causal : {false, true}) {
    check({{2, 0, 5, 3}, {4, 3, 1, 0}, 2, 8, 3, causal, false, 1});
    check({{1, 3}, {17, 2}, 1, 3, 20, causal});
  }
}

namespace {

// What one run of attention gives, its gradients for fixed gradients of the output.
struct Result {
  std::vector<float> out;
  std::vector<std::vector<float>> gradients;
};

// The gradient of the output is `weights`; the inputs are made by a copy, so that their gradients must be overwritten.
void copy_forward(const Execution& run, const Node& node) {
  std::copy_n(run.data(node.inputs[0]), run.shape(node.inputs[0]).size(), run.data(node.outputs[0]));
}
void copy_backward(const Execution& run, const Node& node) {
  std::copy_n(run.gradient(node.outputs[0]), run.shape(node.inputs[0]).size(), run.gradient(node.inputs[0]));
}
constexpr Op kCopy{"copy", copy_forward, copy_backward};
void seed_forward(const Execution& run, const Node& node) {
  std::copy_n(run.data(node.inputs[1]), run.shape(node.inputs[0]).size(), run.gradient(node.inputs[0]));
}
constexpr Op kSeed{"seed", seed_forward, nullptr, true};

Result run_case(const Case& c, const std::vector<std::vector<float>>& in, const std::vector<float>& weights,
                bool backward = true) {
  const Lengths q_offsets = offsets_of(c.q_lengths), kv_offsets = offsets_of(c.kv_lengths);
  const auto shapes = c.shapes();
  Result result;
  Graph graph(true);
  std::vector<Value> values;
  for (std::size_t i = 0; i < in.size(); ++i) result.gradients.emplace_back(in[i].size());
  for (std::size_t i = 0; i < in.size(); ++i) {
    const Value p = graph.parameter(shapes[i], in[i].data(), result.gradients[i].data());
    values.push_back(graph.record(Node{.op = &kCopy, .inputs = {p}}, {{shapes[i]}}, 0));
  }
  const Value y = record(graph, c, values, q_offsets, kv_offsets);
  graph.keep(y);
  const Node seed{.op = &kSeed, .inputs = {y, graph.constant(graph.shape(y), weights.data())}};
  graph.record(seed, {}, 0);
  const test::Once once(graph, 7, 3);
  once.forward();
  result.out.assign(once.run.data(y), once.run.data(y) + graph.shape(y).size());
  if (backward) once.backward();
  return result;
}

std::vector<std::vector<float>> random_inputs(const Case& c, uint64_t seed) {
  std::vector<std::vector<float>> in;
  for (const Shape s : c.shapes()) in.push_back(random_floats(static_cast<std::size_t>(s.size()), seed + in.size()));
  return in;
}

std::vector<float> random_weights(const Case& c, uint64_t seed) {
  return random_floats(static_cast<std::size_t>(c.q_rows() * c.v_width()), seed);
}

}  // namespace

TEST_CASE("the gradient of an input is wholly overwritten, unread columns with zeros") {
  const Case c{{3, 0, 2}, {3, 0, 2}, 2, 5, 3, true, true, 2};
  const Result r = run_case(c, random_inputs(c, 1), random_weights(c, 9));
  const int64_t width = c.shapes()[0].cols;
  const auto within = [](int64_t column, int64_t from, int64_t n) { return column >= from && column < from + n; };
  for (std::size_t i = 0; i < r.gradients[0].size(); ++i) {
    const auto column = static_cast<int64_t>(i) % width;
    const bool read = within(column, c.q_column(), c.k_width()) || within(column, c.k_column(), c.k_width()) ||
                      within(column, c.v_column(), c.v_width());
    CHECK(std::isfinite(r.gradients[0][i]));
    if (!read) CHECK(r.gradients[0][i] == 0);
  }
  const Case cross{{2, 3, 1}, {4, 0, 200}, 1, 4, 4, true, false, 1};  // keys that nobody sees, queries without keys
  const Result x = run_case(cross, random_inputs(cross, 1), random_weights(cross, 9));
  for (const auto& gradient : x.gradients)
    for (const float g : gradient) CHECK(std::isfinite(g));
}

TEST_CASE("attention gives the same bits for any number of threads and whatever else is in the batch") {
  const int threads = omp_get_max_threads();
  Case all{{40, 3, 150, 0, 31, 1, 77}, {}, 4, 32, 32, true, true};
  all.kv_lengths = all.q_lengths;
  const auto in = random_inputs(all, 5);
  const auto weights = random_weights(all, 6);
  const auto width = static_cast<std::ptrdiff_t>(all.shapes()[0].cols);
  all.dropout = 0.25f;
  omp_set_num_threads(1);
  const Result one = run_case(all, in, weights);
  omp_set_num_threads(2);
  const Result two = run_case(all, in, weights);
  omp_set_num_threads(threads);
  CHECK(one.out == two.out);
  CHECK(one.gradients == two.gradients);

  // Masks depend on the row in the batch, so the composition of a batch is compared without dropout.
  all.dropout = 0;
  const Result together = run_case(all, in, weights);
  const Lengths offsets = offsets_of(all.q_lengths);
  for (std::size_t s = 0; s < all.q_lengths.size(); ++s) {
    if (all.q_lengths[s] == 0) continue;
    Case alone = all;
    alone.q_lengths = alone.kv_lengths = {all.q_lengths[s]};
    const auto cut = [&](const std::vector<float>& v, std::ptrdiff_t cols) {
      return std::vector<float>(v.begin() + offsets[s] * cols, v.begin() + offsets[s + 1] * cols);
    };
    const Result r = run_case(alone, {cut(in[0], width)}, cut(weights, all.v_width()));
    CHECK(r.out == cut(together.out, all.v_width()));
    CHECK(r.gradients[0] == cut(together.gradients[0], width));
  }
}

TEST_CASE("dropout drops the share of probabilities it is asked to, each head and query its own") {
  // All scores are equal and the values are a unit matrix: the output is the mask, over the number of keys.
  const int32_t n = 160;
  Case c{{n}, {n}, 2, 8, n};
  c.dropout = 0.3f;
  auto in = random_inputs(c, 1);
  std::fill(in[0].begin(), in[0].end(), 0.0f);
  const int64_t ld = c.shapes()[1].cols;
  for (int32_t r = 0; r < n; ++r)
    for (int32_t h = 0; h < 2; ++h)
      for (int32_t j = 0; j < n; ++j)
        in[1][static_cast<std::size_t>(r * ld + c.v_column() + h * n + j)] = j == r ? 1.0f : 0.0f;
  const Result r = run_case(c, in, random_weights(c, 2), false);
  const float kept_value = 1.0f / 0.7f / static_cast<float>(n);
  const auto at = [&](int row, int head, int key) {
    return r.out[static_cast<std::size_t>((row * 2 + head) * n + key)];
  };
  int64_t kept = 0, same_head = 0, same_query = 0, same_block = 0;
  bool two_values = true;
  for (int i = 0; i < n; ++i)
    for (int h = 0; h < 2; ++h)
      for (int j = 0; j < n; ++j) {
        const float p = at(i, h, j);
        two_values = two_values && (p == 0 || std::abs(p - kept_value) < 1e-4f * kept_value);
        kept += p > 0;
        same_head += (p > 0) == (at(i, 1 - h, j) > 0);
        same_query += (p > 0) == (at((i + 1) % n, h, j) > 0);
        same_block += (p > 0) == (at(i, h, (j + 128) % n) > 0);
      }
  CHECK(two_values);
  const double total = 2.0 * n * n;  // 51,200: a standard deviation of a share is at most 0.0022
  CHECK(static_cast<double>(kept) / total == Approx(0.7).margin(0.008));
  for (const int64_t same : {same_head, same_query, same_block})  // independent: 0.7^2 + 0.3^2
    CHECK(static_cast<double>(same) / total == Approx(0.58).margin(0.015));
}

TEST_CASE("with dropout, gradients agree with finite differences under the same mask") {
  for (const bool causal : {false, true}) {
    Case c{{5, 130}, {5, 130}, 2, 4, 3, causal, true};
    c.dropout = 0.4f;
    const auto in = random_inputs(c, 11);
    const auto weights = random_weights(c, 12);
    const Result r = run_case(c, in, weights);
    const auto loss = [&](const std::vector<float>& x) {
      const Result y = run_case(c, {x}, weights, false);
      double sum = 0;
      for (std::size_t i = 0; i < weights.size(); ++i)
        sum += static_cast<double>(y.out[i]) * static_cast<double>(weights[i]);
      return sum;
    };
    // Along a few random directions, rather than one element at a time.
    for (uint64_t seed = 20; seed < 26; ++seed) {
      const auto direction = random_floats(in[0].size(), seed);
      const float h = 0.01f;
      auto up = in[0], down = in[0];
      double slope = 0;
      for (std::size_t i = 0; i < up.size(); ++i) {
        up[i] += h * direction[i];
        down[i] -= h * direction[i];
        slope += static_cast<double>(r.gradients[0][i]) * static_cast<double>(direction[i]);
      }
      CHECK((loss(up) - loss(down)) / (2 * static_cast<double>(h)) == Approx(slope).epsilon(0).margin(2e-3));
    }
  }
}

TEST_CASE("a sentence of 2,000 tokens equals the reference") {
  const Case c{{2000}, {2000}, 1, 20, 8, true, true};
  const auto in = random_inputs(c, 3);
  const Result r = run_case(c, in, random_weights(c, 4));
  const Doubles want = reference(c, std::vector<Doubles>{{in[0].begin(), in[0].end()}});
  double worst = 0;
  for (std::size_t i = 0; i < want.size(); ++i)
    worst = std::max(worst, std::abs(want[i] - static_cast<double>(r.out[i])));
  CHECK(worst < test::allowed(2e-6));
  for (const float g : r.gradients[0]) REQUIRE(std::isfinite(g));
}

TEST_CASE("inputs and offsets that do not fit are refused") {
  std::vector<float> x(4 * 12);
  const Lengths offsets{0, 2, 4}, short_ones{0, 2, 3}, falling{0, 5, 4};
  const auto attempt = [&](const Lengths& q, int32_t heads, int32_t v_column) {
    Graph g(false);
    const Value in = g.constant({4, 12}, x.data());
    const Value o = g.constant({3, 1}, q.data());
    const Value y = attention(g, {.q = in,
                                  .kv = in,
                                  .k_column = 4,
                                  .v_column = v_column,
                                  .q_offsets = o,
                                  .kv_offsets = o,
                                  .heads = heads,
                                  .d_k = 2,
                                  .d_v = 2});
    g.keep(y);
    test::Once(g).forward();
  };
  attempt(offsets, 2, 8);
  CHECK_THROWS_AS(attempt(short_ones, 2, 8), Error);
  CHECK_THROWS_AS(attempt(falling, 2, 8), Error);
  CHECK_THROWS_AS(attempt(offsets, 3, 8), Error);
  CHECK_THROWS_AS(attempt(offsets, 2, 9), Error);
  CHECK_THROWS_AS(attempt(offsets, 2, 6), Error);
}
