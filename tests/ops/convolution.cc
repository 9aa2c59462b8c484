#include "ops/convolution.h"

#include <omp.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "ops/dropout.h"
#include "tests/catch.h"
#include "tests/ops/check.h"
#include "tests/ops/once.h"

using namespace storm;
using test::Doubles;

namespace {

using Offsets = std::vector<int32_t>;

struct Case {
  Offsets offsets;
  int64_t in, out, kernel;
  Reach reach;
  int64_t rows() const { return offsets.back(); }
  int64_t left() const { return reach == Reach::causal ? kernel - 1 : (kernel - 1) / 2; }
};

Doubles reference(const Case& c, std::span<const Doubles> in) {
  Doubles y;
  for (std::size_t s = 0; s + 1 < c.offsets.size(); ++s)
    for (int64_t t = c.offsets[s]; t < c.offsets[s + 1]; ++t)
      for (int64_t o = 0; o < c.out; ++o) {
        double sum = 0;
        for (int64_t j = 0; j < c.kernel; ++j) {
          const int64_t row = t + j - c.left();
          if (row < c.offsets[s] || row >= c.offsets[s + 1]) continue;
          for (int64_t i = 0; i < c.in; ++i)
            sum += in[0][static_cast<std::size_t>(row * c.in + i)] *
                   in[1][static_cast<std::size_t>((o * c.kernel + j) * c.in + i)];
        }
        y.push_back(sum);
      }
  return y;
}

Value record(Graph& g, const Case& c, Value x, Value weight, float dropout = 0) {
  const Value offsets = g.constant({static_cast<int64_t>(c.offsets.size()), 1}, c.offsets.data());
  return convolution(g, x, weight, offsets, c.reach, dropout);
}

// Outputs and gradients of the sum of random weights times the outputs.
struct Result {
  std::vector<float> y, dx, dw;
  double sum = 0;

  Result(const Case& c, const std::vector<float>& x, const std::vector<float>& w, float dropout)
      : dx(x.size()), dw(w.size()) {
    const auto weights = test::random_floats(static_cast<std::size_t>(c.rows() * c.out), 7);
    Graph g(true);
    const Value out = record(g, c, g.parameter({c.rows(), c.in}, x.data(), dx.data()),
                             g.parameter({c.out, c.kernel * c.in}, w.data(), dw.data()), dropout);
    g.keep(out);
    static constexpr Op weigh{"weigh",
                              [](const Execution& e, const Node& n) {
                                std::copy_n(e.data(n.inputs[1]), e.shape(n.inputs[1]).size(), e.gradient(n.inputs[0]));
                              },
                              nullptr, true};
    g.record(Node{.op = &weigh, .inputs = {out, g.constant({c.rows(), c.out}, weights.data())}}, {}, 0);
    const test::Once once(g, 5, 6);
    once.forward();
    y.assign(once.run.data(out), once.run.data(out) + c.rows() * c.out);
    once.backward();
    for (std::size_t i = 0; i < y.size(); ++i) sum += static_cast<double>(y[i]) * static_cast<double>(weights[i]);
  }
};

std::vector<float> numbers(int64_t n, uint64_t seed) { return test::random_floats(static_cast<std::size_t>(n), seed); }

}  // namespace

TEST_CASE("convolution equals its double-precision reference over ragged batches, forward and gradients") {
  for (const Reach reach : {Reach::same, Reach::causal})
    for (const int64_t kernel : {1, 2, 3, 4, 5})
      for (const Offsets& offsets : {Offsets{0, 1}, {0, 0, 3, 3, 4, 11, 13}, {0, 2, 4, 6}, {0, 7, 7}})
        for (const auto& [in, out] : {std::pair<int64_t, int64_t>{1, 1}, {3, 2}, {9, 5}}) {
          const Case c{offsets, in, out, kernel, reach};
          test::check_op({.inputs = {{c.rows(), in}, {out, kernel * in}},
                          .record = [&](Graph& g, std::span<const Value> v) { return record(g, c, v[0], v[1]); },
                          .reference = [&](std::span<const Doubles> v) { return reference(c, v); },
                          .seed = static_cast<uint64_t>(kernel)});
        }
}

TEST_CASE("convolution over many blocks of rows gives each sentence the bits and gradients of one alone") {
  // Blocks are 64 rows at windows as wide as these (112 in the kernels' emulation), so that sentences lie across their
  // borders.
  for (const Reach reach : {Reach::same, Reach::causal}) {
    Case c{{0}, 2800, 3, 3, reach};
    for (const int32_t length : {50, 30, 1, 2, 70, 0, 20, 129}) c.offsets.push_back(c.offsets.back() + length);
    const auto x = numbers(c.rows() * c.in, 1), w = numbers(c.out * c.kernel * c.in, 2);
    const Result all(c, x, w, 0);
    const Doubles want = reference(c, std::vector<Doubles>{{x.begin(), x.end()}, {w.begin(), w.end()}});
    double worst = 0;
    for (std::size_t i = 0; i < want.size(); ++i)
      worst = std::max(worst, std::abs(want[i] - static_cast<double>(all.y[i])));
    CHECK(worst < 1e-4);
    // Gradients: linear in each, so one long difference is exact.
    const auto slope = [&](bool of_x, std::size_t i) {
      auto x2 = x, w2 = w;
      (of_x ? x2 : w2)[i] += 64;
      return (Result(c, x2, w2, 0).sum - all.sum) / 64;
    };
    for (const int64_t row : {0, 49, 50, 63, 64, 79, 80, 81, 111, 112, 127, 128, 152, 153, 191, 192, 223, 224, 301})
      CHECK(slope(true, static_cast<std::size_t>(row * c.in + 5)) ==
            Approx(static_cast<double>(all.dx[static_cast<std::size_t>(row * c.in + 5)])).margin(2e-4));
    for (const std::size_t i : {std::size_t{0}, std::size_t{2800}, std::size_t{5601}, std::size_t{25199}})
      CHECK(slope(false, i) == Approx(static_cast<double>(all.dw[i])).margin(2e-4));
  }
}

TEST_CASE("a sentence's convolution does not see its neighbours, not even their NaN") {
  for (const Reach reach : {Reach::same, Reach::causal}) {
    const Case c{{0, 3, 5, 9}, 4, 2, 5, reach};
    auto x = numbers(c.rows() * c.in, 1);
    const auto w = numbers(c.out * c.kernel * c.in, 2);
    const Result clean(c, x, w, 0);
    std::fill(x.begin() + 3 * 4, x.begin() + 5 * 4, NAN);
    const Result soiled(c, x, w, 0);
    for (std::size_t i = 0; i < clean.y.size(); ++i)
      if (i < 6 || i >= 10) {
        CHECK(soiled.y[i] == clean.y[i]);
      } else {
        CHECK(std::isnan(soiled.y[i]));
      }
    for (std::size_t i = 0; i < clean.dx.size(); ++i) CHECK(soiled.dx[i] == clean.dx[i]);
  }
}

TEST_CASE("a causal convolution does not see what comes later") {
  const Case c{{0, 6}, 3, 4, 3, Reach::causal};
  auto x = numbers(c.rows() * c.in, 1);
  const auto w = numbers(c.out * c.kernel * c.in, 2);
  const Result before(c, x, w, 0);
  for (std::size_t i = 4 * 3; i < x.size(); ++i) x[i] += 1;
  const Result after(c, x, w, 0);
  CHECK(std::equal(before.y.begin(), before.y.begin() + 4 * 4, after.y.begin()));
  CHECK(before.y[4 * 4] != after.y[4 * 4]);
}

TEST_CASE("a convolution's inputs are dropped out by one mask, in forward and backward, in whichever block") {
  const Case c{{0, 40, 41, 150}, 2200, 2, 4, Reach::same};  // 59 rows and 64 before a block's end
  const auto x = numbers(c.rows() * c.in, 1), w = numbers(c.out * c.kernel * c.in, 2);
  const Result dropped(c, x, w, 0.5f);
  // The mask, by an identity: kernel 1, and one output that is one input.
  std::vector<float> masked(x.size());
  Graph g(true);
  std::vector<float> unused(x.size()), unused_w(w.size());
  const Value y = record(g, c, g.parameter({c.rows(), c.in}, x.data(), unused.data()),
                         g.parameter({c.out, c.kernel * c.in}, w.data(), unused_w.data()), 0.5f);
  const auto stream = DropoutStream(5, 6, g.producer(y).number, 0.5f);
  std::vector<float> factors(2200);
  for (int64_t r = 0; r < c.rows(); ++r) {
    dropout_row(stream, r, c.in, factors.data());
    for (int64_t i = 0; i < c.in; ++i)
      masked[static_cast<std::size_t>(r * c.in + i)] =
          x[static_cast<std::size_t>(r * c.in + i)] * factors[static_cast<std::size_t>(i)];
  }
  const Result plain(c, masked, w, 0);
  CHECK(dropped.y == plain.y);
  CHECK(dropped.dw == plain.dw);
  for (int64_t r = 0; r < c.rows(); ++r) {
    dropout_row(stream, r, c.in, factors.data());
    float worst = 0;
    for (int64_t i = 0; i < c.in; ++i) {
      const auto at = static_cast<std::size_t>(r * c.in + i);
      worst = std::max(worst, std::abs(dropped.dx[at] - plain.dx[at] * factors[static_cast<std::size_t>(i)]));
    }
    CHECK(worst < 1e-5f);
  }
}

TEST_CASE("a convolution's own sums do not depend on the number of threads") {
  const Case c{{0, 40, 41, 150, 300}, 2100, 1, 4, Reach::same};
  const auto x = numbers(c.rows() * c.in, 1), w = numbers(c.out * c.kernel * c.in, 2);
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  const Result one(c, x, w, 0.2f);
  omp_set_num_threads(3);
  const Result three(c, x, w, 0.2f);
  omp_set_num_threads(threads);
  CHECK(one.dx == three.dx);
}

TEST_CASE("a convolution over no rows is nothing, and adds nothing to the weight's gradient") {
  const Case c{{0, 0, 0}, 3, 2, 3, Reach::same};
  const Result nothing(c, {}, numbers(18, 1), 0);
  CHECK(nothing.y.empty());
  CHECK(nothing.dw == std::vector<float>(18));
}

TEST_CASE("convolution refuses a weight that is no whole windows, and offsets that do not rise to the rows") {
  const std::vector<float> x(12), w(14);
  const Offsets good{0, 4}, wild{0, 5}, falling{0, 3, 2, 4};
  Graph g(false);
  const Value in = g.constant({4, 3}, x.data());
  CHECK_THROWS_AS(convolution(g, in, g.constant({2, 7}, w.data()), g.constant({2, 1}, good.data()), Reach::same),
                  Error);
  for (const Offsets* bad : {&wild, &falling}) {
    Graph h(false);
    convolution(h, h.constant({4, 3}, x.data()), h.constant({2, 6}, w.data()),
                h.constant({static_cast<int64_t>(bad->size()), 1}, bad->data()), Reach::same);
    CHECK_THROWS_AS(test::Once(h).run.forward(), Error);
  }
}

TEST_CASE("next_windows moves each row's window on by one from its parent's, and begins with zeros") {
  const std::vector<float> x1{1, 2, 3, 4}, x2{5, 6, 7, 8, 9, 10};
  const Offsets parents{1, 1, 0}, wild{1, 2, 0};
  Graph g(false);
  const Value first = next_windows(g, g.constant({2, 2}, x1.data()), {}, {}, 3);
  const Value second = next_windows(g, g.constant({3, 2}, x2.data()), first, g.constant({3, 1}, parents.data()), 3);
  g.keep(first);
  g.keep(second);
  const test::Once once(g);
  once.forward();
  const auto values = [&](Value v) {
    return std::vector<float>(once.run.data(v), once.run.data(v) + g.shape(v).size());
  };
  CHECK(values(first) == std::vector<float>{0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 3, 4});
  CHECK(values(second) == std::vector<float>{0, 0, 3, 4, 5, 6, 0, 0, 3, 4, 7, 8, 0, 0, 1, 2, 9, 10});
  Graph h(false);
  const Value start = next_windows(h, h.constant({2, 2}, x1.data()), {}, {}, 3);
  next_windows(h, h.constant({3, 2}, x2.data()), start, h.constant({3, 1}, wild.data()), 3);
  CHECK_THROWS_AS(test::Once(h).run.forward(), Error);
}
