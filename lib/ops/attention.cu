// A block takes a tile of 32 queries (in backward also: of 32 keys) of one sentence and head and walks over the
// sentence's other side in tiles of 32: most sentences fit one or two, so larger tiles would mostly hold nothing. The
// host lists the tiles that exist; no block is idle. All products are of 32 x 32 x 32 numbers in shared memory, 64
// threads with 4 x 4 sums each; heads wider than 32 are taken in pieces, so that no width is too large. What a block
// sums over tiles lies in the output itself, which it alone writes: no atomics, always the same bits.
#include "ops/attention.h"

#include <cmath>
#include <vector>

#include "cuda/context.h"
#include "cuda/rows.cuh"

namespace storm::cuda {

namespace {

constexpr int kTile = 32, kPart = 4;
constexpr unsigned kThreads = (kTile / kPart) * (kTile / kPart);
constexpr float kLowest = -3.4e38f;

// Some of a sentence's queries and its keys, or the other way round.
struct Tile {
  int32_t own, count, first;  // the sentence's first row, its rows, and the tile's first of them
  int32_t other, others;      // of the other side
};

// kTile + 4: rows begin at multiples of 16 bytes, and transposed stores meet few others in their banks.
struct alignas(16) Matrix {
  float at[kTile][kTile + 4];
};
// What a thread holds of a product.
struct Part {
  float at[kPart][kPart] = {};
};
__device__ __forceinline__ int part_row() { return static_cast<int>(threadIdx.x) / (kTile / kPart) * kPart; }
__device__ __forceinline__ int part_column() { return static_cast<int>(threadIdx.x) % (kTile / kPart) * kPart; }

// A head's columns of up to kTile rows.
struct Rows {
  const float* data;
  int64_t ld;
  int count, width;
};

// to[c][r], or to[r][c], = element (r, from + c), 0 outside. Neighbouring threads load neighbouring columns.
template <bool transposed>
__device__ __forceinline__ void load(const Rows& x, int from, Matrix& to) {
  const int c = static_cast<int>(threadIdx.x) % kTile;
#pragma unroll 8
  for (int r = static_cast<int>(threadIdx.x) / kTile; r < kTile; r += kThreads / kTile) {
    const float value = r < x.count && from + c < x.width ? x.data[r * x.ld + from + c] : 0.0f;
    (transposed ? to.at[c][r] : to.at[r][c]) = value;
  }
}

// sum[i][j] += the sum over t of a[t][i] b[t][j]
__device__ __forceinline__ void multiply(const Matrix& a, const Matrix& b, Part& sum) {
  const int row = part_row(), column = part_column();
#pragma unroll 8
  for (int t = 0; t < kTile; ++t) {
    const float4 x = *reinterpret_cast<const float4*>(&a.at[t][row]);
    const float4 y = *reinterpret_cast<const float4*>(&b.at[t][column]);
    const float left[kPart] = {x.x, x.y, x.z, x.w}, right[kPart] = {y.x, y.y, y.z, y.w};
#pragma unroll
    for (int i = 0; i < kPart; ++i)
#pragma unroll
      for (int j = 0; j < kPart; ++j) sum.at[i][j] += left[i] * right[j];
  }
}

// x y^T, by pieces of their common width in a and b
__device__ __forceinline__ Part outer_product(const Rows& x, const Rows& y, Matrix& a, Matrix& b) {
  Part sum;
  for (int from = 0; from < x.width; from += kTile) {
    __syncthreads();  // whoever still reads a and b
    load<true>(x, from, a);
    load<true>(y, from, b);
    __syncthreads();
    multiply(a, b, sum);
  }
  return sum;
}

// Writes a thread's part, transposed: what the next product takes its terms from, as float4s.
__device__ __forceinline__ void store_transposed(const Part& part, Matrix& to) {
  const int row = part_row(), column = part_column();
#pragma unroll
  for (int j = 0; j < kPart; ++j)
    *reinterpret_cast<float4*>(&to.at[column + j][row]) =
        make_float4(part.at[0][j], part.at[1][j], part.at[2][j], part.at[3][j]);
}

// Rows that the block owns, of an output.
struct Sink {
  float* data;
  int64_t ld;
  int count;
};

// out[i] = keep[i] * out[i] + factor[i] * (p^T y)[i]; `fresh`: nothing is there yet to keep. By pieces of y's width in
// b.
__device__ __forceinline__ void add_product(const Matrix& p, const Rows& y, Matrix& b, const Sink& out, bool fresh,
                                            const float (&keep)[kPart], const float (&factor)[kPart]) {
  for (int from = 0; from < y.width; from += kTile) {
    __syncthreads();  // p is there, and nobody reads b
    load<false>(y, from, b);
    __syncthreads();
    Part sum;
    multiply(p, b, sum);
    const int row = part_row(), column = from + part_column();
#pragma unroll
    for (int i = 0; i < kPart; ++i)
#pragma unroll
      for (int j = 0; j < kPart; ++j) {
        if (row + i >= out.count || column + j >= y.width) continue;
        float& into = out.data[(row + i) * out.ld + column + j];
        into = fresh ? factor[i] * sum.at[i][j] : keep[i] * into + factor[i] * sum.at[i][j];
      }
  }
}

// For a sentence without another side.
__device__ __forceinline__ void clear(const Sink& out, int width) {
  for (int i = static_cast<int>(threadIdx.x); i < out.count * width; i += kThreads)
    out.data[i / width * out.ld + i % width] = 0;
}

__device__ __forceinline__ int tile_end(int first, int count) { return count - first < kTile ? count - first : kTile; }

struct Attention {
  const float *q, *kv;  // at the first head's first column; k and v: offsets to it in kv
  int64_t q_ld, kv_ld, k_column, v_column, out_ld;
  int heads, d_k, d_v;
  bool causal;
  float scale;
  DropoutStream dropout;

  __device__ int head() const { return static_cast<int>(blockIdx.y); }
  // A tile, from `first` on, of the rows of a sentence, which begin at `row`.
  __device__ Rows queries(int row, int first, int count) const {
    return {q + static_cast<int64_t>(row + first) * q_ld + head() * d_k, q_ld, tile_end(first, count), d_k};
  }
  __device__ Rows keys(int row, int first, int count) const {
    return {kv + static_cast<int64_t>(row + first) * kv_ld + k_column + head() * d_k, kv_ld, tile_end(first, count),
            d_k};
  }
  __device__ Rows values(int row, int first, int count) const {
    return {kv + static_cast<int64_t>(row + first) * kv_ld + v_column + head() * d_v, kv_ld, tile_end(first, count),
            d_v};
  }
  __device__ Rows outputs(const float* of, int row, int first, int count) const {
    return {of + static_cast<int64_t>(row + first) * out_ld + head() * d_v, out_ld, tile_end(first, count), d_v};
  }
  // Where this head keeps a number for each query: its log of sums, and the row of its dropout mask.
  __device__ int64_t place(int query) const { return static_cast<int64_t>(query) * heads + head(); }
};

// The largest, or the sum, over the threads that share a row of parts.
__device__ __forceinline__ float row_max(float x) {
#pragma unroll
  for (int by = 1; by < kTile / kPart; by *= 2) {
    const float other = __shfl_xor_sync(kAll, x, by);
    x = other > x ? other : x;
  }
  return x;
}
__device__ __forceinline__ float row_sum(float x) {
#pragma unroll
  for (int by = 1; by < kTile / kPart; by *= 2) x += __shfl_xor_sync(kAll, x, by);
  return x;
}

// Softmax over tiles of keys (Milakov and Gimelshein 2018): what earlier tiles gave shrinks to the new maximum.
__global__ void __launch_bounds__(kThreads)
    forward_kernel(Attention f, const Tile* tiles, float* out, float* log_sums) {
  __shared__ Matrix a, b, p;
  const Tile tile = tiles[blockIdx.x];
  const Rows q = f.queries(tile.own, tile.first, tile.count);
  const Sink sink{out + static_cast<int64_t>(tile.own + tile.first) * f.out_ld + f.head() * f.d_v, f.out_ld, q.count};
  if (tile.others == 0) return clear(sink, f.d_v);
  const int row = part_row(), column = part_column(), seen = tile.first + q.count;
  const int until = f.causal && seen < tile.others ? seen : tile.others;
  float largest[kPart], sum[kPart];
  for (int i = 0; i < kPart; ++i) largest[i] = kLowest, sum[i] = 0;
  for (int k0 = 0; k0 < until; k0 += kTile) {
    Part s = outer_product(q, f.keys(tile.other, k0, tile.others), a, b);
    float keep[kPart], factor[kPart];
    const bool last = k0 + kTile >= until;
#pragma unroll
    for (int i = 0; i < kPart; ++i) {
      const int query = tile.first + row + i;
      const auto visible = [&](int j) {
        const int key = k0 + column + j;
        return key < tile.others && (!f.causal || key <= query);
      };
      float most = largest[i];
#pragma unroll
      for (int j = 0; j < kPart; ++j) {
        s.at[i][j] *= f.scale;
        if (visible(j) && s.at[i][j] > most) most = s.at[i][j];
      }
      most = row_max(most);
      float total = 0;
#pragma unroll
      for (int j = 0; j < kPart; ++j) {
        s.at[i][j] = visible(j) ? expf(s.at[i][j] - most) : 0.0f;
        total += s.at[i][j];
      }
      const float shrink = expf(largest[i] - most);
      sum[i] = sum[i] * shrink + row_sum(total);
      largest[i] = most;
      const float share = !last ? 1.0f : sum[i] > 0 ? 1 / sum[i] : sum[i];  // a NaN stays one
      keep[i] = shrink * share;
      factor[i] = share;
      if (f.dropout.active()) {
        const uint4 bits = dropout_bits(f.dropout, f.place(tile.own + query), static_cast<uint32_t>(k0 + column) / 8);
#pragma unroll
        for (int j = 0; j < kPart; ++j) s.at[i][j] *= dropout_factor(f.dropout, bits, column + j);
      }
    }
    store_transposed(s, p);
    add_product(p, f.values(tile.other, k0, tile.others), b, sink, k0 == 0, keep, factor);
  }
  if (log_sums && column == 0)
    for (int i = 0; i < kPart; ++i)
      if (row + i < q.count) log_sums[f.place(tile.own + tile.first + row + i)] = largest[i] + logf(sum[i]);
}

struct Backward {
  Attention forward;
  const float *d_out, *log_sums;
  float* dots;          // [queries, heads], made by the queries' kernel for the keys'
  float *dq, *dk, *dv;  // at the first head's first column; null when nobody wants them
  bool add_q, add_kv;
};

// With P the probabilities, M the dropout mask, D the dots: dV = (P M)^T dO, dP = (dO V^T) M, dS = P (dP - D),
// dQ = dS K / sqrt(d_k), dK = dS^T Q / sqrt(d_k). (Dao et al. 2022, appendix B.2.) S and dP are made by both kernels:
// 7 products in place of 5, for sums whose order is fixed.
//
// D is the rows' P . dP over the sum of P, not the dO . O of that paper: where a query sees little but one key, dP - D
// is what is left of two numbers nearly equal, and only a D made of the same P and dP has their rounding in it, too.
// (In the tests' ConvS2S such gradients are off by 5e-6 of the largest, as PyTorch's; with dO . O by 4e-5.)

// P, and dP dropped out, of a tile of keys; both are 0 where a query does not see a key.
struct Scores {
  Part p, dp;
};
__device__ __forceinline__ Scores scores_of(const Backward& g, const Tile& tile, const Rows& q, int k0,
                                            const float (&log_sum)[kPart], Matrix& a, Matrix& b) {
  const Attention& f = g.forward;
  Scores s{
      outer_product(q, f.keys(tile.other, k0, tile.others), a, b),
      outer_product(f.outputs(g.d_out, tile.own, tile.first, tile.count), f.values(tile.other, k0, tile.others), a, b)};
  const int row = part_row(), column = part_column();
#pragma unroll
  for (int i = 0; i < kPart; ++i) {
    const int query = tile.first + row + i;
    uint4 bits{};
    if (f.dropout.active())
      bits = dropout_bits(f.dropout, f.place(tile.own + query), static_cast<uint32_t>(k0 + column) / 8);
#pragma unroll
    for (int j = 0; j < kPart; ++j) {
      const int key = k0 + column + j;
      const bool visible = row + i < q.count && key < tile.others && (!f.causal || key <= query);
      const float kept = f.dropout.active() ? dropout_factor(f.dropout, bits, key) : 1.0f;
      s.p.at[i][j] = visible ? expf(s.p.at[i][j] * f.scale - log_sum[i]) : 0.0f;
      s.dp.at[i][j] = visible ? kept * s.dp.at[i][j] : 0.0f;
    }
  }
  return s;
}

// The block owns queries. It takes the tiles of keys once for the dots and, where there are several, once more.
__global__ void __launch_bounds__(kThreads) query_gradient_kernel(Backward g, const Tile* tiles) {
  __shared__ Matrix a, b, ds;
  const Attention& f = g.forward;
  const Tile tile = tiles[blockIdx.x];
  const Rows q = f.queries(tile.own, tile.first, tile.count);
  const Sink sink{g.dq ? g.dq + static_cast<int64_t>(tile.own + tile.first) * f.q_ld + f.head() * f.d_k : nullptr,
                  f.q_ld, q.count};
  if (tile.others == 0) {
    if (g.dq && !g.add_q) clear(sink, f.d_k);
    return;
  }
  const int row = part_row(), column = part_column(), seen = tile.first + q.count;
  const int until = f.causal && seen < tile.others ? seen : tile.others;
  const float keep[kPart] = {1, 1, 1, 1}, factor[kPart] = {f.scale, f.scale, f.scale, f.scale};
  float log_sum[kPart] = {}, sum[kPart] = {}, dot[kPart] = {};
  for (int i = 0; i < kPart; ++i)
    if (row + i < q.count) log_sum[i] = g.log_sums[f.place(tile.own + tile.first + row + i)];
  Scores s;
  for (int k0 = 0; k0 < until; k0 += kTile) {
    s = scores_of(g, tile, q, k0, log_sum, a, b);
#pragma unroll
    for (int i = 0; i < kPart; ++i)
#pragma unroll
      for (int j = 0; j < kPart; ++j) {
        sum[i] += s.p.at[i][j];
        dot[i] += s.p.at[i][j] * s.dp.at[i][j];
      }
  }
#pragma unroll
  for (int i = 0; i < kPart; ++i) {
    dot[i] = row_sum(dot[i]) / row_sum(sum[i]);
    if (column == 0 && row + i < q.count) g.dots[f.place(tile.own + tile.first + row + i)] = dot[i];
  }
  if (!g.dq) return;
  for (int k0 = 0; k0 < until; k0 += kTile) {
    if (until > kTile) s = scores_of(g, tile, q, k0, log_sum, a, b);
#pragma unroll
    for (int i = 0; i < kPart; ++i)
#pragma unroll
      for (int j = 0; j < kPart; ++j) s.dp.at[i][j] = s.p.at[i][j] * (s.dp.at[i][j] - dot[i]);
    store_transposed(s.dp, ds);
    add_product(ds, f.keys(tile.other, k0, tile.others), b, sink, k0 == 0 && !g.add_q, keep, factor);
  }
}

// The block owns keys; the parts' rows are keys, their columns queries.
__global__ void __launch_bounds__(kThreads) key_gradient_kernel(Backward g, const Tile* tiles) {
  __shared__ Matrix a, b, p, ds;
  const Attention& f = g.forward;
  const Tile tile = tiles[blockIdx.x];
  const Rows k = f.keys(tile.own, tile.first, tile.count), v = f.values(tile.own, tile.first, tile.count);
  const int64_t at = static_cast<int64_t>(tile.own + tile.first) * f.kv_ld;
  const Sink to_k{g.dk + at + f.head() * f.d_k, f.kv_ld, k.count}, to_v{g.dv + at + f.head() * f.d_v, f.kv_ld, k.count};
  const int from = f.causal ? tile.first : 0;  // earlier queries do not see these keys
  if (from >= tile.others) {
    if (!g.add_kv) clear(to_k, f.d_k), clear(to_v, f.d_v);
    return;
  }
  const int row = part_row(), column = part_column();
  const float one[kPart] = {1, 1, 1, 1}, factor[kPart] = {f.scale, f.scale, f.scale, f.scale};
  for (int q0 = from; q0 < tile.others; q0 += kTile) {
    const Rows q = f.queries(tile.other, q0, tile.others), d_out = f.outputs(g.d_out, tile.other, q0, tile.others);
    Part s = outer_product(k, q, a, b), dp = outer_product(v, d_out, a, b);
#pragma unroll
    for (int j = 0; j < kPart; ++j) {
      const int query = q0 + column + j;
      const int64_t place = f.place(tile.other + query);
      const bool exists = query < tile.others;
      const float log_sum = exists ? g.log_sums[place] : 0.0f, dot = exists ? g.dots[place] : 0.0f;
      uint4 bits{};
      if (f.dropout.active()) bits = dropout_bits(f.dropout, place, static_cast<uint32_t>(tile.first + row) / 8);
#pragma unroll
      for (int i = 0; i < kPart; ++i) {
        const int key = tile.first + row + i;
        const bool visible = exists && row + i < k.count && (!f.causal || key <= query);
        const float kept = f.dropout.active() ? dropout_factor(f.dropout, bits, key) : 1.0f;
        const float probability = expf(s.at[i][j] * f.scale - log_sum);
        s.at[i][j] = visible ? probability * kept : 0.0f;
        dp.at[i][j] = visible ? probability * (kept * dp.at[i][j] - dot) : 0.0f;
      }
    }
    store_transposed(s, p);
    store_transposed(dp, ds);
    const bool fresh = q0 == from && !g.add_kv;
    add_product(p, d_out, b, to_v, fresh, one, one);
    add_product(ds, q, b, to_k, fresh, one, factor);
  }
}

// The host's offsets, which say what tiles there are.
std::span<const int32_t> checked(const Execution& run, Value offsets, int64_t rows) {
  const auto& info = run.graph()[offsets];
  require(info.origin == Origin::constant, "attention: its offsets are no constant");
  const std::span host(static_cast<const int32_t*>(info.data), static_cast<std::size_t>(info.shape.rows));
  bool good = host.front() == 0 && host.back() == rows;
  for (std::size_t s = 0; s + 1 < host.size(); ++s) good = good && host[s] <= host[s + 1];
  require(good, "attention: offsets must rise from 0 to the ", rows, " rows");
  return host;
}

std::vector<Tile> tiles_of(std::span<const int32_t> own, std::span<const int32_t> other) {
  std::vector<Tile> tiles;
  for (std::size_t s = 0; s + 1 < own.size(); ++s)
    for (int32_t first = 0; first < own[s + 1] - own[s]; first += kTile)
      tiles.push_back({own[s], own[s + 1] - own[s], first, other[s], other[s + 1] - other[s]});
  return tiles;
}

dim3 grid_of(const std::vector<Tile>& tiles, int heads) {
  return {static_cast<unsigned>(tiles.size()), static_cast<unsigned>(heads)};
}

Attention attention_of(const Execution& run, const Node& node, const AttentionAttributes& a, bool dropout) {
  return {.q = run.data(node.inputs[0]) + a.q_column,
          .kv = run.data(node.inputs[1]),
          .q_ld = run.shape(node.inputs[0]).cols,
          .kv_ld = run.shape(node.inputs[1]).cols,
          .k_column = a.k_column,
          .v_column = a.v_column,
          .out_ld = int64_t{a.heads} * a.d_v,
          .heads = a.heads,
          .d_k = a.d_k,
          .d_v = a.d_v,
          .causal = a.causal,
          .scale = 1 / std::sqrt(static_cast<float>(a.d_k)),
          .dropout = dropout_of(run, node, dropout ? a.dropout : 0)};
}

void forward(const Execution& run, const Node& node, Context& context) {
  const auto a = node.attributes<AttentionAttributes>();
  const auto q = checked(run, node.inputs[2], run.shape(node.inputs[0]).rows);
  const auto kv = checked(run, node.inputs[3], run.shape(node.inputs[1]).rows);
  const auto tiles = tiles_of(q, kv);
  context.launch("attention", grid_of(tiles, a.heads), kThreads, 0, forward_kernel,
                 attention_of(run, node, a, run.gradients()), context.staged(std::span<const Tile>(tiles)),
                 run.data(node.outputs[0]), run.data_or_null(node.outputs[1]));
}

// Columns that no head reads get zeros, when nothing was there to add to: then all do, and the heads write theirs.
void clear_unread(const Execution& run, Value v, bool add, int64_t read, Context& context) {
  float* gradient = run.gradient(v);
  if (!gradient || add || read == run.shape(v).cols) return;
  context.clear("attention", gradient, static_cast<std::size_t>(run.shape(v).size()) * sizeof(float));
}

void backward(const Execution& run, const Node& node, Context& context) {
  const auto a = node.attributes<AttentionAttributes>();
  const Value q_value = node.inputs[0], kv_value = node.inputs[1];
  const auto q = checked(run, node.inputs[2], run.shape(q_value).rows);
  const auto kv = checked(run, node.inputs[3], run.shape(kv_value).rows);
  // One gradient for both: the planner says of the second use that it adds, the first one says what was there before.
  const bool shared = q_value == kv_value;
  float *dq = run.gradient(q_value), *dkv = run.gradient(kv_value);
  const int64_t count = run.shape(q_value).rows * a.heads, k_width = int64_t{a.heads} * a.d_k,
                v_width = int64_t{a.heads} * a.d_v;
  auto* dots = static_cast<float*>(context.workspace(static_cast<std::size_t>(count) * sizeof(float)));
  const Backward g{.forward = attention_of(run, node, a, true),
                   .d_out = run.gradient(node.outputs[0]),
                   .log_sums = run.data(node.outputs[1]),
                   .dots = dots,
                   .dq = dq ? dq + a.q_column : nullptr,
                   .dk = dkv ? dkv + a.k_column : nullptr,
                   .dv = dkv ? dkv + a.v_column : nullptr,
                   .add_q = run.beta(node, 0) != 0,
                   .add_kv = run.beta(node, shared ? 0 : 1) != 0};
  clear_unread(run, q_value, g.add_q, k_width + (shared ? k_width + v_width : 0), context);
  if (!shared) clear_unread(run, kv_value, g.add_kv, k_width + v_width, context);
  const auto query_tiles = tiles_of(q, kv);
  context.launch("attention backward, queries", grid_of(query_tiles, a.heads), kThreads, 0, query_gradient_kernel, g,
                 context.staged(std::span<const Tile>(query_tiles)));
  if (!dkv) return;
  const auto key_tiles = tiles_of(kv, q);
  context.launch("attention backward, keys and values", grid_of(key_tiles, a.heads), kThreads, 0, key_gradient_kernel,
                 g, context.staged(std::span<const Tile>(key_tiles)));
}

const Kernels kAttention{"attention", forward, backward};

}  // namespace

}  // namespace storm::cuda
