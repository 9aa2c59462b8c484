#include "ops/attention.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "base/buffer.h"
#include "base/error.h"
#include "base/parallel.h"
#include "ops/attention_kernels.h"
#include "tensor/execution.h"

namespace storm {

namespace {

using namespace attention_kernels;

using Attributes = AttentionAttributes;

// The rows of one sentence, and one of its heads.
struct Item {
  int64_t q, queries, kv, keys;
  int32_t head;
};

// What a thread works on at a time is worth at least so many multiply-adds: else the hand-out costs more than the work.
constexpr int64_t kGrain = 1 << 18;

// Calls body(item) for each sentence and head that has queries or keys. Items do not depend on each other, so neither
// threads nor the rest of the batch change their bits.
template <class Body>
void for_each_item(const Execution& run, const Node& node, const Attributes& a, Body&& body) {
  const Value q_value = node.inputs[2], kv_value = node.inputs[3];
  const int32_t *q = run.data<int32_t>(q_value), *kv = run.data<int32_t>(kv_value);
  const int64_t sentences = run.shape(q_value).rows - 1;
  const auto check = [&](const int32_t* offsets, int64_t rows) {
    bool good = offsets[0] == 0 && offsets[sentences] == rows;
    for (int64_t s = 0; s < sentences; ++s) good = good && offsets[s] <= offsets[s + 1];
    require(good, "attention: offsets must rise from 0 to the ", rows, " rows");
  };
  check(q, run.shape(node.inputs[0]).rows);
  check(kv, run.shape(node.inputs[1]).rows);

  std::vector<Item> items;
  std::vector<std::size_t> groups{0};
  int64_t cost = 0;
  for (int64_t s = 0; s < sentences; ++s)
    for (int32_t h = 0; h < a.heads; ++h) {
      const Item item{q[s], q[s + 1] - q[s], kv[s], kv[s + 1] - kv[s], h};
      if (item.queries == 0 && item.keys == 0) continue;
      items.push_back(item);
      cost += (item.queries + 1) * (item.keys + 1) * (a.d_k + a.d_v);
      if (cost >= kGrain) groups.push_back(items.size()), cost = 0;
    }
  if (groups.back() != items.size()) groups.push_back(items.size());
  parallel_items(static_cast<int64_t>(groups.size()) - 1, [&](int64_t g) {
    const auto first = static_cast<std::size_t>(g);
    for (std::size_t i = groups[first]; i < groups[first + 1]; ++i) body(items[i]);
  });
}

// Aligned pieces of memory that the thread keeps for its next item; bounded by the block sizes and the head's width,
// however long a sentence is.
class Scratch {
 public:
  explicit Scratch(int64_t floats) {
    static thread_local Buffer buffer;
    buffer.grow(static_cast<std::size_t>(floats) * sizeof(float));
    next_ = buffer.as<float>().data();
  }
  float* take(int64_t floats) { return std::exchange(next_, next_ + padded(floats)); }

 private:
  float* next_;
};

Block block_of(const Attributes& a, const Item& item, const DropoutStream& dropout, int64_t q0, int64_t k0) {
  Block b;
  b.rows = std::min(kQueryBlock, item.queries - q0);
  b.keys = std::min(kKeyBlock, item.keys - k0);
  b.ld = padded(b.keys);
  b.causal = a.causal;
  b.diagonal = q0 - k0;
  b.dropout = dropout;
  b.mask_row = (item.q + q0) * a.heads + item.head;
  b.mask_row_step = a.heads;
  b.first_key = k0;
  return b;
}

void clear_rows(float* rows, int64_t ld, int64_t count, int64_t width) {
  for (int64_t r = 0; r < count; ++r) std::fill_n(rows + r * ld, width, 0.0f);
}

void forward(const Execution& run, const Node& node) {
  const auto a = node.attributes<Attributes>();
  const int64_t q_ld = run.shape(node.inputs[0]).cols, kv_ld = run.shape(node.inputs[1]).cols, out_ld = a.heads * a.d_v;
  const float *q_data = run.data(node.inputs[0]), *kv_data = run.data(node.inputs[1]);
  float *out_data = run.data(node.outputs[0]), *log_sum_data = run.data_or_null(node.outputs[1]);
  const DropoutStream dropout(run.philox().seed, run.batch(), node.number, run.gradients() ? a.dropout : 0);
  const int64_t d_v = padded(a.d_v);
  const float scale = 1 / std::sqrt(static_cast<float>(a.d_k));
  const auto visible = a.causal ? Band::columns : Band::none;

  for_each_item(run, node, a, [&](const Item& item) {
    const int64_t queries = std::min(kQueryBlock, item.queries), keys = padded(std::min(kKeyBlock, item.keys));
    Scratch scratch(2 * padded(queries) + a.d_k * keys + (keys + queries) * d_v + queries * keys);
    float *maxima = scratch.take(queries), *sums = scratch.take(queries);
    float *k_t = scratch.take(a.d_k * keys), *v = scratch.take(keys * d_v);
    float *sum = scratch.take(queries * d_v), *scores = scratch.take(queries * keys);
    const float* k_rows = kv_data + item.kv * kv_ld + a.k_column + item.head * a.d_k;
    const float* v_rows = kv_data + item.kv * kv_ld + a.v_column + item.head * a.d_v;
    int64_t in_scratch = -1;
    for (int64_t q0 = 0; q0 < item.queries; q0 += kQueryBlock) {
      const float* q = q_data + (item.q + q0) * q_ld + a.q_column + item.head * a.d_k;
      const int64_t rows = std::min(kQueryBlock, item.queries - q0);
      std::fill(sums, sums + rows, 0.0f);
      for (int64_t k0 = 0; k0 < item.keys && !(a.causal && k0 >= q0 + rows); k0 += kKeyBlock) {
        const Block block = block_of(a, item, dropout, q0, k0);
        if (in_scratch != k0) {
          pack_transposed(k_rows + k0 * kv_ld, kv_ld, block.keys, a.d_k, scale, k_t, block.ld);
          pack_rows(v_rows + k0 * kv_ld, kv_ld, block.keys, a.d_v, 1, v, d_v);
          in_scratch = k0;
        }
        multiply(
            {q, q_ld, false, k_t, block.ld, scores, block.ld, rows, block.ld, a.d_k, false, visible, block.diagonal});
        softmax_rows(block, k0 == 0, scores, maxima, sums, sum, d_v);
        multiply({scores, block.ld, false, v, d_v, sum, d_v, rows, d_v, block.keys, k0 > 0,
                  a.causal ? Band::terms_until : Band::none, block.diagonal});
      }
      float* out = out_data + (item.q + q0) * out_ld + item.head * a.d_v;
      if (item.keys == 0) {
        clear_rows(out, out_ld, rows, a.d_v);
        continue;
      }
      divide_rows(sum, d_v, sums, rows, a.d_v, out, out_ld);
      if (!log_sum_data) continue;
      for (int64_t r = 0; r < rows; ++r)
        log_sum_data[(item.q + q0 + r) * a.heads + item.head] = maxima[r] + std::log(sums[r]);
    }
  });
}

// The columns of a gradient that no head reads get zeros, when nothing was there to add to.
void clear_unread(float* gradient, Shape shape, std::vector<std::array<int64_t, 2>> read) {
  std::sort(read.begin(), read.end());
  read.push_back({shape.cols, shape.cols});
  int64_t from = 0;
  for (const auto& [begin, end] : read) {
    if (begin > from) clear_rows(gradient + from, shape.cols, shape.rows, begin - from);
    from = end;
  }
}

// The product goes straight into the gradient where the head's width suits the vectors, else by way of scratch, p.c.
void multiply_into(Product p, float* gradient, int64_t ld, int64_t width) {
  if (p.cols == width) {
    p.c = gradient;
    p.ldc = ld;
    return multiply(p);
  }
  const bool add = std::exchange(p.add, false);
  multiply(p);
  store_rows(p.c, p.ldc, p.rows, width, add, gradient, ld);
}

// With P the probabilities, M the dropout mask, and D = rowsum(dO * O) = rowsum(P * dP): dV = (P M)^T dO,
// dP = (dO V^T) M, dS = P (dP - D), dQ = dS K / sqrt(d_k), dK = dS^T Q / sqrt(d_k). (Dao et al. 2022, appendix B.2.)
// Q and K are packed with the 1 / sqrt(d_k) in them. Every sum runs over the blocks in order.
void backward(const Execution& run, const Node& node) {
  const auto a = node.attributes<Attributes>();
  const Value q_value = node.inputs[0], kv_value = node.inputs[1];
  const int64_t q_ld = run.shape(q_value).cols, kv_ld = run.shape(kv_value).cols, out_ld = a.heads * a.d_v;
  const float *q_data = run.data(q_value), *kv_data = run.data(kv_value);
  const float *out_data = run.data(node.outputs[0]), *log_sum_data = run.data(node.outputs[1]);
  const float* d_out_data = run.gradient(node.outputs[0]);
  float *dq_data = run.gradient(q_value), *dkv_data = run.gradient(kv_value);
  // One gradient for both: the planner says of the second use that it adds, the first one says what was there before.
  const bool shared = q_value == kv_value;
  const bool add_q = run.beta(node, 0) != 0, add_kv = run.beta(node, shared ? 0 : 1) != 0;
  const DropoutStream dropout(run.philox().seed, run.batch(), node.number, a.dropout);
  const int64_t d_k = padded(a.d_k), d_v = padded(a.d_v);
  const float scale = 1 / std::sqrt(static_cast<float>(a.d_k));
  const auto band = [&](Band b) { return a.causal ? b : Band::none; };

  const std::array<int64_t, 2> q_read{a.q_column, a.q_column + a.heads * a.d_k};
  const std::array<int64_t, 2> k_read{a.k_column, a.k_column + a.heads * a.d_k};
  const std::array<int64_t, 2> v_read{a.v_column, a.v_column + a.heads * a.d_v};
  if (dq_data && !add_q && !shared) clear_unread(dq_data, run.shape(q_value), {q_read});
  if (dkv_data && !add_kv && !shared) clear_unread(dkv_data, run.shape(kv_value), {k_read, v_read});
  if (dq_data && !add_q && shared) clear_unread(dq_data, run.shape(q_value), {q_read, k_read, v_read});

  for_each_item(run, node, a, [&](const Item& item) {
    const int64_t queries = std::min(kQueryBlock, item.queries), keys = padded(std::min(kKeyBlock, item.keys));
    const int64_t part = std::max(queries, keys) * std::max(d_k, d_v);
    Scratch scratch(padded(queries) + keys * (a.d_k + a.d_v + d_k) + queries * (d_k + d_v + 2 * keys) + part);
    float *dots = scratch.take(queries), *partial = scratch.take(part);
    float *k_t = scratch.take(a.d_k * keys), *v_t = scratch.take(a.d_v * keys), *k = scratch.take(keys * d_k);
    float *q = scratch.take(queries * d_k), *d_out = scratch.take(queries * d_v);
    float *scores = scratch.take(queries * keys), *d_scores = scratch.take(queries * keys);
    const int64_t q_at = item.q * q_ld + a.q_column + item.head * a.d_k;
    const int64_t k_at = item.kv * kv_ld + a.k_column + item.head * a.d_k;
    const int64_t v_at = item.kv * kv_ld + a.v_column + item.head * a.d_v;
    const int64_t out_at = item.q * out_ld + item.head * a.d_v;
    if (dq_data && !add_q && item.keys == 0) clear_rows(dq_data + q_at, q_ld, item.queries, a.d_k);

    for (int64_t k0 = 0; k0 < item.keys; k0 += kKeyBlock) {
      const int64_t n = std::min(kKeyBlock, item.keys - k0), ld = padded(n);
      const int64_t k_block = k_at + k0 * kv_ld, v_block = v_at + k0 * kv_ld;
      const int64_t first_q = a.causal ? k0 : 0;  // earlier queries do not see the block
      if (first_q >= item.queries) {
        if (dkv_data && !add_kv) clear_rows(dkv_data + k_block, kv_ld, n, a.d_k);
        if (dkv_data && !add_kv) clear_rows(dkv_data + v_block, kv_ld, n, a.d_v);
        continue;
      }
      pack_transposed(kv_data + k_block, kv_ld, n, a.d_k, 1, k_t, ld);
      pack_transposed(kv_data + v_block, kv_ld, n, a.d_v, 1, v_t, ld);
      pack_rows(kv_data + k_block, kv_ld, n, a.d_k, scale, k, d_k);
      for (int64_t q0 = first_q; q0 < item.queries; q0 += kQueryBlock) {
        const Block block = block_of(a, item, dropout, q0, k0);
        const int64_t rows = block.rows, diagonal = block.diagonal, q_block = q_at + q0 * q_ld;
        const int64_t out_block = out_at + q0 * out_ld;
        pack_rows(q_data + q_block, q_ld, rows, a.d_k, scale, q, d_k);
        pack_rows(d_out_data + out_block, out_ld, rows, a.d_v, 1, d_out, d_v);
        row_dots(d_out_data + out_block, out_data + out_block, out_ld, rows, a.d_v, dots);
        multiply({q, d_k, false, k_t, ld, scores, ld, rows, ld, a.d_k, false, band(Band::columns), diagonal});
        multiply({d_out, d_v, false, v_t, ld, d_scores, ld, rows, ld, a.d_v, false, band(Band::columns), diagonal});
        gradient_rows(block, scores, d_scores, log_sum_data + (item.q + q0) * a.heads + item.head, a.heads, dots);
        if (dkv_data) {
          const bool add = add_kv || q0 > first_q;
          multiply_into(
              {scores, ld, true, d_out, d_v, partial, d_v, n, d_v, rows, add, band(Band::terms_from), diagonal},
              dkv_data + v_block, kv_ld, a.d_v);
          multiply_into({d_scores, ld, true, q, d_k, partial, d_k, n, d_k, rows, add, band(Band::terms_from), diagonal},
                        dkv_data + k_block, kv_ld, a.d_k);
        }
        if (dq_data)
          multiply_into({d_scores, ld, false, k, d_k, partial, d_k, rows, d_k, n, add_q || k0 > 0,
                         band(Band::terms_until), diagonal},
                        dq_data + q_block, q_ld, a.d_k);
      }
    }
  });
}

constexpr Op kAttention{"attention", forward, backward};

}  // namespace

Value attention(Graph& graph, const AttentionInput& in) {
  const Shape q = graph.shape(in.q), kv = graph.shape(in.kv);
  require(in.heads > 0 && in.d_k > 0 && in.d_v > 0, "attention: heads, d_k and d_v must be positive");
  const int64_t k_width = int64_t{in.heads} * in.d_k, v_width = int64_t{in.heads} * in.d_v;
  const auto inside = [](int64_t column, int64_t width, Shape s) { return column >= 0 && column + width <= s.cols; };
  require(inside(in.q_column, k_width, q) && inside(in.k_column, k_width, kv) && inside(in.v_column, v_width, kv),
          "attention: the heads do not fit in inputs of ", q.cols, " and ", kv.cols, " columns");
  const auto apart = [](int64_t a, int64_t a_width, int64_t b, int64_t b_width) {
    return a + a_width <= b || b + b_width <= a;
  };
  require(apart(in.k_column, k_width, in.v_column, v_width) &&
              (in.q != in.kv || (apart(in.q_column, k_width, in.k_column, k_width) &&
                                 apart(in.q_column, k_width, in.v_column, v_width))),
          "attention: the columns of queries, keys and values overlap");
  const Shape q_offsets = graph.shape(in.q_offsets), kv_offsets = graph.shape(in.kv_offsets);
  require(q_offsets.rows > 0 && q_offsets == kv_offsets && graph[in.q_offsets].dtype == DType::I32 &&
              graph[in.kv_offsets].dtype == DType::I32,
          "attention: offsets of queries and keys must be I32 [sentences + 1, 1] both");
  require(in.dropout >= 0 && in.dropout < 1, "attention: dropout must be in [0, 1), it is ", in.dropout);
  Node node{.op = &kAttention, .inputs = {in.q, in.kv, in.q_offsets, in.kv_offsets}};
  const Attributes attributes{in.q_column, in.k_column, in.v_column, in.heads, in.d_k, in.d_v, in.dropout, in.causal};
  const Shape out{q.rows, v_width};
  if (!graph.gradients()) return graph.record(node, {{out}}, attributes);
  node.keep_inputs = 0b1111;
  node.keep_outputs = 0b11;
  return graph.record(node, {{out}, {{q.rows, in.heads}}}, attributes);
}

}  // namespace storm
