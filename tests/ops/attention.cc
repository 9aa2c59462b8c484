#include "ops/attention.h"

#include <omp.h>

#include <cmath>
#include <numeric>

#include "base/error.h"
#include "tensor/buffer.h"
#include "tensor/execution.h"
#include "tests/catch.h"
#include "tests/ops/check.h"

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
