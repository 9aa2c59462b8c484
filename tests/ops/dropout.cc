#include "ops/dropout.h"

#include <omp.h>

#include <array>
#include <cmath>

#include "base/random.h"
#include "ops/embed.h"
#include "ops/join.h"
#include "ops/linear.h"
#include "ops/residual_norm.h"
#include "tests/catch.h"
#include "tests/ops/check.h"
#include "tests/ops/once.h"

using namespace storm;

namespace {

std::vector<float> mask(uint64_t seed, uint64_t batch, int32_t node, float rate, int64_t row, int64_t cols) {
  std::vector<float> factors(static_cast<std::size_t>((cols + 7) / 8 * 8));
  dropout_row(DropoutStream(seed, batch, node, rate), row, cols, factors.data());
  factors.resize(static_cast<std::size_t>(cols));
  return factors;
}

// The correlation of two masks of n elements is within 4 standard errors of zero.
bool uncorrelated(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0, squares = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double x = static_cast<double>(a[i]) - 1, y = static_cast<double>(b[i]) - 1;
    sum += x * y, squares += x * x * y * y;
  }
  return std::abs(sum) < 4 * std::sqrt(squares);
}

// embed and residual norm with dropout, and a second use of the sum: everything that draws masks beside matrix
// products.
struct Net {
  static constexpr int64_t kTokens = 70, kWords = 11, kWidth = 37;
  std::vector<float> table = test::random_floats(kWords * kWidth, 1), gain = test::random_floats(kWidth, 2),
                     bias = test::random_floats(kWidth, 3), weights = test::random_floats(kTokens * kWidth, 4);
  std::vector<float> d_table, d_gain, d_bias, y, masks;
  std::vector<int32_t> ids;

  Net() {
    for (int64_t t = 0; t < kTokens; ++t) ids.push_back(static_cast<int32_t>(t * t % kWords));
  }

  // The weighted sum of the outputs; fills the gradients and y.
  double run(uint64_t batch) {
    d_table.assign(table.size(), 0), d_gain.assign(gain.size(), 0), d_bias.assign(bias.size(), 0);
    Graph g(true);
    const Value w = g.parameter({kWords, kWidth}, table.data(), d_table.data());
    const Value a = g.parameter({1, kWidth}, gain.data(), d_gain.data());
    const Value b = g.parameter({1, kWidth}, bias.data(), d_bias.data());
    const Value id = g.constant({kTokens, 1}, ids.data());
    const Value x = embed(g, w, id, {}, {}, 1.5f, 0.2f), h = embed(g, w, id, {}, {}, 0.5f, 0.3f);
    const auto first = residual_norm(g, x, h, a, b, 1, 0.4f);
    const Value out = residual_norm(g, first.sum, first.normed, a, b, 1, 0.25f).normed;
    g.keep(out);
    static constexpr Op weigh{"weigh",
                              [](const Execution& e, const Node& n) {
                                std::copy_n(e.data(n.inputs[1]), kTokens * kWidth, e.gradient(n.inputs[0]));
                              },
                              nullptr, true};
    g.record(Node{.op = &weigh, .inputs = {out, g.constant({kTokens, kWidth}, weights.data())}}, {}, 0);
    const test::Once once(g, 42, batch);
    once.forward();
    y.assign(once.run.data(out), once.run.data(out) + kTokens * kWidth);
    once.backward();
    double sum = 0;
    for (std::size_t i = 0; i < y.size(); ++i) sum += static_cast<double>(y[i]) * static_cast<double>(weights[i]);
    return sum;
  }
};

}  // namespace

TEST_CASE("Philox4x32-10 gives the published numbers (Random123's known-answer tests)") {
  using Words = std::array<uint32_t, 4>;
  CHECK(Philox{0}(Words{}) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  constexpr uint32_t all = 0xffffffff;
  CHECK(Philox{~uint64_t{0}}(Words{all, all, all, all}) == Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(Philox{0x299f31d0a4093822}(Words{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("a dropout mask is cut from Philox by (batch, node, row, column), whatever the width") {
  for (const int64_t cols : {1, 7, 8, 33, 130, 512}) {
    const uint64_t seed = 0x123456789abcdef0, batch = 7;
    const auto factors = mask(seed, batch, 19, 0.3f, 1234567, cols);
    const uint32_t threshold = 45875;  // 0.7 * 2^16, rounded
    for (int64_t i = 0; i < cols; ++i) {
      const auto words = Philox{seed}({static_cast<uint32_t>(i / 8), 1234567, 19 | 1u << 28, 7});
      const uint32_t bits = words[static_cast<std::size_t>(i % 8 / 2)] >> (i % 2 * 16) & 0xffff;
      CHECK(factors[static_cast<std::size_t>(i)] == (bits < threshold ? 65536.0f / 45875.0f : 0.0f));
    }
  }
}

TEST_CASE("a dropout mask keeps the share that it should, and masks are independent") {
  constexpr int64_t n = 1 << 18;
  for (const float rate : {0.1f, 0.3f, 0.5f, 0.9f}) {
    const auto a = mask(1, 1, 1, rate, 1, n);
    double kept = 0, mean = 0;
    for (const float f : a) kept += f > 0, mean += static_cast<double>(f);
    const double p = 1 - static_cast<double>(rate), error = std::sqrt(p * (1 - p) / n);
    CHECK(std::abs(kept / n - p) < 4 * error);
    CHECK(std::abs(mean / n - 1) < 4 * error / p);
    CHECK(uncorrelated(a, mask(2, 1, 1, rate, 1, n)));  // seed
    CHECK(uncorrelated(a, mask(1, 2, 1, rate, 1, n)));  // batch
    CHECK(uncorrelated(a, mask(1, 1, 2, rate, 1, n)));  // node
    CHECK(uncorrelated(a, mask(1, 1, 1, rate, 2, n)));  // row
    for (const int64_t lag : {1, 2, 7, 8, 16, 64})      // column
      CHECK(uncorrelated({a.begin(), a.end() - lag}, {a.begin() + lag, a.end()}));
  }
  CHECK_FALSE(DropoutStream(1, 1, 1, 0.0f).active());
}

TEST_CASE("ops apply the mask of their node in forward: what is kept is scaled, the rest is zero") {
  const std::vector<float> ones(40 * 33, 1.0f);
  const std::vector<int32_t> ids(40, 0);
  std::vector<float> unused(ones.size());
  Graph g(true);
  const Value table = g.parameter({1, 33}, ones.data(), unused.data()), id = g.constant({40, 1}, ids.data());
  const Value dropped = embed(g, table, id, {}, {}, 3, 0.4f);
  const auto residual =
      residual_norm(g, embed(g, table, id, {}, {}, 2), embed(g, table, id, {}, {}, 3), table, table, 1e-5f, 0.3f);
  for (const Value v : {dropped, residual.sum}) g.keep(v);
  const test::Once once(g, 5, 6);
  once.forward();
  for (int64_t r = 0; r < 40; ++r) {
    const auto a = mask(5, 6, g.producer(dropped).number, 0.4f, r, 33);
    const auto b = mask(5, 6, g.producer(residual.sum).number, 0.3f, r, 33);
    for (int64_t i = 0; i < 33; ++i) {
      const auto at = static_cast<std::size_t>(i);
      CHECK(once.run.data(dropped)[r * 33 + i] == 3 * a[at]);
      CHECK(once.run.data(residual.sum)[r * 33 + i] == Approx(2 + 3 * b[at]).margin(1e-6));
    }
  }
}

TEST_CASE("under dropout, gradients are the slopes of the same forward: same batch, same mask") {
  Net net;
  net.run(9);
  const Net first = net;
  const auto check = [&](std::vector<float>& x, const std::vector<float>& slopes) {
    double largest = 1, worst = 0;
    for (std::size_t i = 0; i < x.size(); i += 5) {
      const float at = x[i], h = 0.0078125f;
      x[i] = at + h;
      const double up = net.run(9);
      x[i] = at - h;
      const double slope = (up - net.run(9)) / (2 * static_cast<double>(h)),
                   off = std::abs(slope - static_cast<double>(slopes[i]));
      x[i] = at;
      largest = std::max(largest, std::abs(slope));
      if (!(off <= worst) && !std::isnan(worst)) worst = off;
    }
    CHECK(worst < 2e-4 * largest);  // differences of an f32 forward; a wrong mask is off by the whole slope
  };
  check(net.table, first.d_table);
  check(net.gain, first.d_gain);
  check(net.bias, first.d_bias);
  net.run(9);
  const auto y = net.y;
  net.run(10);
  CHECK(y != net.y);  // another batch, another mask
}

TEST_CASE("values and gradients under dropout have the same bits for any number of threads") {
  const int threads = omp_get_max_threads();
  Net one;
  omp_set_num_threads(1);
  one.run(3);
  for (const int t : {2, 3, 5}) {
    omp_set_num_threads(t);
    Net other;
    other.run(3);
    CHECK(one.y == other.y);
    CHECK(one.d_table == other.d_table);
    CHECK(one.d_gain == other.d_gain);
    CHECK(one.d_bias == other.d_bias);
  }
  omp_set_num_threads(threads);
}

TEST_CASE("the ReLU layer's dropout drops and scales its outputs and their gradients alike") {
  // One input of 1 and weights of 1: y is the mask itself, and the gradient of the bias its sum over the rows.
  const std::vector<float> ones(200, 1.0f), bias(33, 0.0f);
  std::vector<float> d_bias(33, 0.0f);
  for (const auto activation : {Activation::none, Activation::relu}) {
    std::fill(d_bias.begin(), d_bias.end(), 0.0f);
    Graph g(true);
    const Value y = linear(g, g.constant({6, 1}, ones.data()), g.constant({33, 1}, ones.data()),
                           g.parameter({1, 33}, bias.data(), d_bias.data()), activation, 0.5f);
    g.keep(y);
    static constexpr Op sum{
        "sum", [](const Execution& e, const Node& n) { std::fill_n(e.gradient(n.inputs[0]), 6 * 33, 1.0f); }, nullptr,
        true};
    g.record(Node{.op = &sum, .inputs = {y}}, {}, 0);
    const test::Once once(g, 1, 2);
    once.forward();
    std::vector<float> want(33, 0.0f);
    for (int64_t r = 0; r < 6; ++r) {
      const auto m = mask(1, 2, g.producer(y).number, 0.5f, r, 33);
      for (std::size_t i = 0; i < 33; ++i) {
        want[i] += m[i];
        CHECK(once.run.data(y)[static_cast<std::size_t>(r) * 33 + i] == m[i]);
      }
    }
    once.backward();
    CHECK(d_bias == want);
  }
}

TEST_CASE("a sentence goes without whole heads, each as often as the rate says, and what is left is scaled up") {
  constexpr int64_t kSentences = 400, kHeads = 12, kWidth = 3;
  std::vector<int32_t> sentences, offsets{0};
  for (int32_t s = 0; s < kSentences; ++s) {
    sentences.insert(sentences.end(), static_cast<std::size_t>(1 + s % 3), s);
    offsets.push_back(static_cast<int32_t>(sentences.size()));
  }
  const auto tokens = static_cast<int64_t>(sentences.size());
  std::vector<float> x(static_cast<std::size_t>(tokens * kHeads * kWidth), 2), gradient(x.size());
  Graph graph(true);
  const Value in = graph.parameter({tokens, kHeads * kWidth}, x.data(), gradient.data());
  const Value y = join(graph, std::array{in}, 0.25f, graph.column(sentences), kWidth);
  const std::vector<float> ones(x.size(), 1);
  graph.keep(y);
  test::weighted_sum(graph, y, ones.data());
  const test::Once once(graph);
  once.forward();
  const std::vector<float> out(once.run.data(y), once.run.data(y) + x.size());
  once.backward();
  double dropped = 0;
  for (int64_t s = 0; s < kSentences; ++s)
    for (int64_t h = 0; h < kHeads; ++h) {
      const int64_t first = offsets[static_cast<std::size_t>(s)];
      const float of_head = out[static_cast<std::size_t>(first * kHeads * kWidth + h * kWidth)];
      dropped += of_head == 0;
      CHECK((of_head == 0 || of_head == Approx(2 / 0.75)));
      for (int64_t t = first; t < offsets[static_cast<std::size_t>(s) + 1]; ++t)
        for (int64_t i = 0; i < kWidth; ++i) {
          const auto at = static_cast<std::size_t>((t * kHeads + h) * kWidth + i);
          CHECK(out[at] == of_head);
          CHECK(gradient[at] == of_head / 2);
        }
    }
  const double n = kSentences * kHeads;
  CHECK(std::abs(dropped - n / 4) < 4 * std::sqrt(n * 0.25 * 0.75));
}
