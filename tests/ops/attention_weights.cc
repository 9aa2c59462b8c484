#include "ops/attention_weights.h"

#include <cmath>
#include <numeric>

#include "base/error.h"
#include "tests/catch.h"
#include "tests/ops/check.h"
#include "tests/ops/once.h"

using namespace storm;
using test::random_floats;

namespace {

using Lengths = std::vector<int32_t>;

struct Case {
  Lengths q_lengths, k_lengths;
  int32_t heads, d_k;
  bool causal = false;
  int32_t unread = 0;  // columns before, between and after the heads'
  float scale = 2;     // of the inputs

  int64_t width() const { return heads * d_k + 2 * unread; }
};

Lengths offsets_of(const Lengths& lengths) {
  Lengths offsets(lengths.size() + 1, 0);
  std::partial_sum(lengths.begin(), lengths.end(), offsets.begin() + 1);
  return offsets;
}

struct Inputs {
  Lengths q_offsets, k_offsets;
  std::vector<float> q, k;

  explicit Inputs(const Case& c, uint64_t seed = 1)
      : q_offsets(offsets_of(c.q_lengths)),
        k_offsets(offsets_of(c.k_lengths)),
        q(random_floats(static_cast<std::size_t>(q_offsets.back() * c.width()), seed)),
        k(random_floats(static_cast<std::size_t>(k_offsets.back() * c.width()), seed + 1)) {
    for (auto* x : {&q, &k})
      for (float& v : *x) v *= c.scale;
  }
};

std::vector<float> run(const Case& c, const Inputs& in, AttentionScores scores) {
  Graph g(false);
  const auto rows = static_cast<int64_t>(in.q_offsets.size());
  const Value y = attention_weights(g,
                                    {.q = g.constant({in.q_offsets.back(), c.width()}, in.q.data()),
                                     .kv = g.constant({in.k_offsets.back(), c.width()}, in.k.data()),
                                     .q_column = c.unread,
                                     .k_column = c.unread,
                                     .q_offsets = g.constant({rows, 1}, in.q_offsets.data()),
                                     .kv_offsets = g.constant({rows, 1}, in.k_offsets.data()),
                                     .heads = c.heads,
                                     .d_k = c.d_k,
                                     .causal = c.causal},
                                    scores);
  g.keep(y);
  const test::Once once(g);
  once.forward();
  const float* out = once.run.data(y);
  return {out, out + g.shape(y).size()};
}

// The logits in double precision, as attention_weights lays them out; visit(row of logits) for each row.
template <class Visit>
void each_row(const Case& c, const Inputs& in, Visit&& visit) {
  for (std::size_t s = 0; s < c.q_lengths.size(); ++s)
    for (int32_t h = 0; h < c.heads; ++h)
      for (int64_t i = 0; i < c.q_lengths[s]; ++i) {
        std::vector<double> row;
        for (int64_t j = 0; j < c.k_lengths[s]; ++j) {
          double dot = 0;
          for (int64_t d = 0; d < c.d_k; ++d) {
            const int64_t column = c.unread + h * c.d_k + d;
            dot += static_cast<double>(in.q[static_cast<std::size_t>((in.q_offsets[s] + i) * c.width() + column)]) *
                   static_cast<double>(in.k[static_cast<std::size_t>((in.k_offsets[s] + j) * c.width() + column)]);
          }
          row.push_back(c.causal && j > i ? -INFINITY : dot / std::sqrt(static_cast<double>(c.d_k)));
        }
        visit(row);
      }
}

void check(const Case& c) {
  CAPTURE(c.q_lengths, c.k_lengths, c.heads, c.d_k, c.causal, c.unread);
  const Inputs in(c);
  const auto p = run(c, in, AttentionScores::probabilities), z = run(c, in, AttentionScores::logits);
  std::size_t at = 0;
  double off_p = 0, off_z = 0, off_sum = 0, largest = 1;
  bool zeros = true;
  each_row(c, in, [&](const std::vector<double>& row) {
    double sum = 0, got = 0;
    for (const double x : row) sum += std::exp(x);
    for (const double x : row) {
      if (std::isinf(x)) {
        zeros = zeros && p[at] == 0 && !std::signbit(p[at]) && z[at] == -INFINITY;
      } else {
        off_p = std::max(off_p, std::abs(static_cast<double>(p[at]) - std::exp(x) / sum));
        off_z = std::max(off_z, std::abs(static_cast<double>(z[at]) - x));
        largest = std::max(largest, std::abs(x));
      }
      got += static_cast<double>(p[at++]);
    }
    if (!row.empty()) off_sum = std::max(off_sum, std::abs(got - 1));
  });
  REQUIRE(p.size() == at);
  REQUIRE(z.size() == at);
  CHECK(off_p < test::allowed(2e-6));
  CHECK(off_z < test::allowed(2e-6) * largest);
  CHECK(off_sum < test::allowed(1e-6));
  CHECK(zeros);
}

}  // namespace

TEST_CASE("every weight of ragged sentences equals its double-precision reference; rows sum to 1, causal zeros are 0") {
  for (const bool causal : {false, true}) {
    check({{1}, {1}, 1, 1, causal});
    check({{4}, {4}, 2, 3, causal});
    check({{3, 0, 1, 9}, {3, 0, 1, 9}, 2, 8, causal, 1});
    check({{2, 18, 16}, {2, 18, 16}, 3, 20, causal, 2});
    check({{17, 33}, {17, 33}, 4, 32, causal});
    check({{6}, {6}, 1, 65, causal});
  }
}

TEST_CASE("the weights of cross-attention may have more queries or more keys, or none") {
  for (const bool causal : {false, true}) {
    check({{2, 0, 5, 3}, {4, 3, 1, 0}, 2, 8, causal, 1});
    check({{1, 40, 3}, {17, 2, 129}, 1, 3, causal});
  }
}

TEST_CASE("sentences longer than the blocks of queries and keys") {
  for (const bool causal : {false, true}) {
    check({{63, 64, 65}, {63, 64, 65}, 1, 4, causal});
    check({{130}, {257}, 2, 8, causal});
    check({{1500}, {1500}, 1, 16, causal, 0, 1});
  }
}

TEST_CASE("a sentence's weights are the same bits in any company") {
  const Case together{{3, 70, 9}, {5, 80, 9}, 2, 8};
  const Inputs in(together);
  const auto all = run(together, in, AttentionScores::probabilities);
  std::size_t at = 0;
  for (std::size_t s = 0; s < 3; ++s) {
    const Case alone{{together.q_lengths[s]}, {together.k_lengths[s]}, 2, 8};
    Inputs part(alone);
    const auto w = static_cast<std::size_t>(together.width());
    std::copy_n(in.q.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(in.q_offsets[s]) * w),
                part.q.size(), part.q.begin());
    std::copy_n(in.k.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(in.k_offsets[s]) * w),
                part.k.size(), part.k.begin());
    for (const float x : run(alone, part, AttentionScores::probabilities)) REQUIRE(x == all[at++]);
  }
  CHECK(at == all.size());
}

TEST_CASE("logits far apart, of -infinity, and NaN") {
  const Case c{{1}, {3}, 1, 1};
  Inputs in(c);
  const auto weights_of = [&](std::vector<float> keys) {
    in.q = {1};
    in.k = std::move(keys);
    return run(c, in, AttentionScores::probabilities);
  };
  CHECK(weights_of({1000, -1000, 1000})[0] == 0.5f);
  CHECK(weights_of({1000, -1000, 1000})[1] < 1e-37f);
  CHECK(weights_of({-INFINITY, 2, -INFINITY})[1] == 1.0f);
  CHECK(weights_of({-INFINITY, 2, -INFINITY})[2] < 1e-37f);
  CHECK(weights_of({-3e38f, -3e38f, -INFINITY})[0] == 0.5f);
  for (const float x : weights_of({1, NAN, 1})) CHECK(std::isnan(x));
  CHECK(run(c, in, AttentionScores::logits)[0] == 1.0f);
  CHECK(std::isnan(run(c, in, AttentionScores::logits)[1]));
}

TEST_CASE("offsets that do not fit are refused") {
  const Case c{{2, 2}, {2, 2}, 1, 2};
  const Inputs good(c);
  const auto with = [&](Lengths q, Lengths k) {
    Graph g(false);
    const auto rows = [](const Lengths& x) { return static_cast<int64_t>(x.size()); };
    attention_weights(g,
                      {.q = g.constant({4, 2}, good.q.data()),
                       .kv = g.constant({4, 2}, good.k.data()),
                       .q_offsets = g.constant({rows(q), 1}, q.data()),
                       .kv_offsets = g.constant({rows(k), 1}, k.data()),
                       .d_k = 2},
                      AttentionScores::logits);
  };
  with({0, 2, 4}, {0, 1, 4});
  CHECK_THROWS_AS(with({0, 2, 4}, {0, 4}), Error);
  CHECK_THROWS_AS(with({0, 2, 5}, {0, 2, 4}), Error);
  CHECK_THROWS_AS(with({0, 5, 4}, {0, 2, 4}), Error);
  CHECK_THROWS_AS(with({0, 2, 4}, {0, 3, 2}), Error);
}
