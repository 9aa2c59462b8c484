// The products of a chunk by cuBLASLt; between them a block a row makes of its logits the loss and their gradient, in
// place or, where products take 16 bits, as those. The row is read three times, the last two out of the L2 cache:
// blocks are as large as they get, so that few rows are under way.
#include "ops/cross_entropy.h"

#include <algorithm>
#include <tuple>

#include "cuda/context.h"
#include "cuda/rounding.cuh"

namespace storm::cuda {

namespace {

constexpr unsigned kThreads = 256;               // of all but the softmax
constexpr unsigned kWide = 1024, kNarrow = 256;  // of the softmax, for rows of more than 4096 words and for others

// Rows of a chunk: as many as have 256 MiB of logits, enough of them to fill a card with the product that sums over the
// vocabulary, and to make the reading of the weights and the adding to their gradient (3 / 8 R FLOP a byte) cheap
// beside tensor cores.
int64_t rows_of_chunk(const Context& context, int64_t rows, int64_t n) {
  const auto floats = static_cast<int64_t>(4 * context.workspace_bytes() / sizeof(float));
  return std::min(rows, std::clamp<int64_t>(floats / std::max<int64_t>(n, 1), 256, 8192) / 16 * 16);
}

struct Softmax {
  const float* bias;  // [n] or null
  const int32_t* targets;
  int64_t n;
  bool gradients;
  float scale, uniform, gold;  // as in cross_entropy.cc
};

// slopes: null, or where the gradients go, rounded: [rows, slopes_ld].
template <unsigned kRowThreads>
__global__ void __launch_bounds__(kRowThreads)
    softmax_kernel(Softmax f, float* logits, uint16_t* slopes, int64_t slopes_ld, bool bf16, CrossEntropyRow* sums) {
  constexpr unsigned kRowWarps = kRowThreads / kWarp;
  __shared__ float parts[kRowWarps];
  float* row = logits + static_cast<int64_t>(blockIdx.x) * f.n;
  float largest = -INFINITY;
#pragma unroll 4
  for (int64_t i = threadIdx.x; i < f.n; i += kRowThreads) {
    const float z = f.bias ? row[i] + f.bias[i] : row[i];
    if (f.bias) row[i] = z;
    largest = z > largest ? z : largest;
  }
  largest = block_max<kRowWarps>(largest, parts);
  const int64_t target = f.targets[blockIdx.x];
  const float gold = row[target] - largest;  // the block's barrier has made the sum with the bias visible
  float exps = 0, total = 0;
#pragma unroll 4
  for (int64_t i = threadIdx.x; i < f.n; i += kRowThreads) {
    const float z = row[i] - largest;
    exps += expf(z);
    total += z;
  }
  exps = block_sum<kRowWarps>(exps, parts);
  total = block_sum<kRowWarps>(total, parts);
  if (f.gradients) {
    const float scale = f.scale / exps;
    uint16_t* to = slopes ? slopes + static_cast<int64_t>(blockIdx.x) * slopes_ld : nullptr;
#pragma unroll 4
    for (int64_t i = threadIdx.x; i < f.n; i += kRowThreads) {
      float d = expf(row[i] - largest) * scale - f.uniform;
      if (i == target) d -= f.gold;
      if (to) to[i] = rounded16(d, bf16);
      if (!to || f.bias) row[i] = d;  // the bias' gradient is summed from here
    }
  }
  if (threadIdx.x == 0) sums[blockIdx.x] = {exps, total, gold, 0};
}

// A block two rows that R-Drop holds together, as softmax_twins of cross_entropy.cc: of logits [2, pairs, n], and so
// everything else. pull: scale * r_drop / 2.
template <unsigned kRowThreads>
__global__ void __launch_bounds__(kRowThreads)
    twins_kernel(Softmax f, float pull, int64_t pairs, float* logits, uint16_t* slopes, int64_t slopes_ld, bool bf16,
                 CrossEntropyRow* sums) {
  constexpr unsigned kRowWarps = kRowThreads / kWarp;
  __shared__ float parts[kRowWarps];
  float* first = logits + static_cast<int64_t>(blockIdx.x) * f.n;
  float* second = first + pairs * f.n;
  float largest = -INFINITY, largest2 = -INFINITY;
  for (int64_t i = threadIdx.x; i < f.n; i += kRowThreads) {
    if (f.bias) first[i] += f.bias[i], second[i] += f.bias[i];
    largest = first[i] > largest ? first[i] : largest;
    largest2 = second[i] > largest2 ? second[i] : largest2;
  }
  largest = block_max<kRowWarps>(largest, parts);
  largest2 = block_max<kRowWarps>(largest2, parts);
  const int64_t target = f.targets[blockIdx.x];
  const float gold = first[target] - largest, gold2 = second[target] - largest2;
  float exps = 0, exps2 = 0, total = 0, total2 = 0, by_first = 0, by_second = 0;
  for (int64_t i = threadIdx.x; i < f.n; i += kRowThreads) {
    const float z = first[i] - largest, z2 = second[i] - largest2, e = expf(z), e2 = expf(z2);
    exps += e, exps2 += e2;
    total += z, total2 += z2;
    by_first += e * (z - z2), by_second += e2 * (z - z2);
  }
  exps = block_sum<kRowWarps>(exps, parts);
  exps2 = block_sum<kRowWarps>(exps2, parts);
  total = block_sum<kRowWarps>(total, parts);
  total2 = block_sum<kRowWarps>(total2, parts);
  const float mean = block_sum<kRowWarps>(by_first, parts) / exps,
              mean2 = block_sum<kRowWarps>(by_second, parts) / exps2;
  if (f.gradients) {
    uint16_t* to = slopes ? slopes + static_cast<int64_t>(blockIdx.x) * slopes_ld : nullptr;
    for (int64_t i = threadIdx.x; i < f.n; i += kRowThreads) {
      const float z = first[i] - largest, z2 = second[i] - largest2;
      const float p = expf(z) / exps, q = expf(z2) / exps2, gold_here = i == target ? f.gold : 0.0f;
      const float d = f.scale * p - f.uniform - gold_here + pull * (p * (z - z2 - mean) + p - q);
      const float d2 = f.scale * q - f.uniform - gold_here + pull * (q * (mean2 - z + z2) + q - p);
      if (to) to[i] = rounded16(d, bf16), to[i + pairs * slopes_ld] = rounded16(d2, bf16);
      if (!to || f.bias) first[i] = d, second[i] = d2;
    }
  }
  if (threadIdx.x == 0) {
    sums[blockIdx.x] = {exps, total, gold, mean - mean2};
    sums[blockIdx.x + pairs] = {exps2, total2, gold2, 0};
  }
}

// One block, so that the sums' order is fixed: each thread its rows, then the threads in pairs. totals: loss and nll.
__global__ void __launch_bounds__(kThreads)
    totals_kernel(const CrossEntropyRow* sums, int64_t rows, int64_t n, float epsilon, float r_drop, float* token_nll,
                  double* totals) {
  __shared__ double loss[kThreads], nll[kThreads];
  double my_loss = 0, my_nll = 0;
  for (int64_t r = threadIdx.x; r < rows; r += kThreads) {
    const double log_sum = log(static_cast<double>(sums[r].exps));
    const double gold = log_sum - static_cast<double>(sums[r].target);
    const double mean = log_sum - static_cast<double>(sums[r].logits) / static_cast<double>(n);
    token_nll[r] = static_cast<float>(gold);
    my_nll += gold;
    my_loss += epsilon > 0 ? gold + static_cast<double>(epsilon) * (mean - gold) : gold;
    my_loss += static_cast<double>(r_drop) / 2 * static_cast<double>(sums[r].apart);
  }
  loss[threadIdx.x] = my_loss;
  nll[threadIdx.x] = my_nll;
  for (unsigned half = kThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) {
      loss[threadIdx.x] += loss[threadIdx.x + half];
      nll[threadIdx.x] += nll[threadIdx.x + half];
    }
  }
  if (threadIdx.x == 0) {
    totals[0] += loss[0];
    totals[1] += nll[0];
  }
}

// db += the sums of the columns of dz, from the first one that is trained on
__global__ void __launch_bounds__(kThreads)
    bias_kernel(const float* dz, int64_t rows, int64_t n, int64_t first, float* db) {
  const int64_t i = first + static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= n) return;
  float sum = 0;
  for (int64_t r = 0; r < rows; ++r) sum += dz[r * n + i];
  db[i - first] += sum;
}

void forward(const Execution& run, const Node& node, Context& context) {
  const auto [options, scale] = node.attributes<CrossEntropyAttributes>();
  const float epsilon = options.label_smoothing;
  const auto [x, weight, bias, target] = std::tuple(node.inputs[0], node.inputs[1], node.inputs[2], node.inputs[3]);
  const int64_t rows = run.shape(x).rows, d = run.shape(x).cols, n = run.shape(weight).rows;
  const bool pairs = options.r_drop > 0;
  const int64_t chunk = rows_of_chunk(context, rows + (pairs ? rows % 2 : 0), n);
  const CrossEntropyChunks chunks(rows, chunk, pairs);
  const auto* host = static_cast<const int32_t*>(run.graph()[target].data);
  for (int64_t r = 0; r < rows; ++r)  // they come from files: one out of range must not write elsewhere
    require(host[r] >= 0 && host[r] < n, "cross_entropy: target ", host[r], " of row ", r, " is not within 0..", n - 1);
  if (pairs) require_pairs(host, rows);
  const int32_t* targets = run.data<int32_t>(target);
  float *dx = run.gradient(x), *dw = run.gradient(weight), *db = run.gradient(bias);
  const int64_t frozen = run.frozen(weight), frozen_bias = run.frozen(bias);
  if (dw && run.beta(node, 1) == 0) context.clear("cross_entropy", dw, static_cast<std::size_t>(n * d) * sizeof(float));
  if (db && run.beta(node, 2) == 0) context.clear("cross_entropy", db, static_cast<std::size_t>(n) * sizeof(float));
  // The node's scratch is that of the CPU's chunks.
  auto* logits = static_cast<float*>(context.workspace(static_cast<std::size_t>(chunk * n) * sizeof(float) +
                                                       static_cast<std::size_t>(chunk) * sizeof(CrossEntropyRow)));
  auto* sums = reinterpret_cast<CrossEntropyRow*>(logits + chunk * n);
  auto* totals = run.data<double>(node.outputs[0]);
  context.clear("cross_entropy", totals, 2 * sizeof(double));
  const Operand all = context.operand(run.data(x), rows, d), words = context.operand(run.data(weight), n, d);
  const bool gradients = dx || dw || db;
  uint16_t* to = nullptr;
  const Operand slopes = context.rounds() && gradients ? context.rounded_room(chunk, n, &to) : Operand{logits, n};
  for (int64_t first = 0; first < chunks.rows; first += chunks.most) {
    const int64_t count = std::min(chunks.most, chunks.rows - first);
    const auto row_of = [&](int64_t part) { return first + part * chunks.twins; };  // the first of a part
    for (int64_t part = 0; part < chunks.parts(); ++part)
      context.gemm(false, true, count, n, d, all.from_row(row_of(part)), words, 0, logits + part * count * n, n);
    const Softmax softmax{
        run.data_or_null(bias), targets + first, n, gradients, scale, scale * epsilon / static_cast<float>(n),
        scale * (1 - epsilon)};
    const bool bf16 = context.precision() == ProductPrecision::bf16;
    if (pairs)
      context.launch("cross_entropy, of pairs", static_cast<unsigned>(count), n > 4096 ? kWide : kNarrow, 0,
                     n > 4096 ? twins_kernel<kWide> : twins_kernel<kNarrow>, softmax, scale * options.r_drop / 2, count,
                     logits, to, slopes.rounded_ld, bf16, sums);
    else
      context.launch("cross_entropy", static_cast<unsigned>(count), n > 4096 ? kWide : kNarrow, 0,
                     n > 4096 ? softmax_kernel<kWide> : softmax_kernel<kNarrow>, softmax, logits, to, slopes.rounded_ld,
                     bf16, sums);
    for (int64_t part = 0; part < chunks.parts(); ++part) {
      context.launch("cross_entropy, the sums", 1, kThreads, 0, totals_kernel,
                     static_cast<const CrossEntropyRow*>(sums + part * count), count, n, epsilon, options.r_drop,
                     run.data(node.outputs[1]) + row_of(part), totals);
      const Operand mine = slopes.from_row(part * count);
      if (dx) context.gemm(false, false, count, d, n, mine, words, run.beta(node, 0), dx + row_of(part) * d, d);
      if (dw)
        context.gemm(true, false, n - frozen, d, count, mine.from_column(frozen), all.from_row(row_of(part)), 1, dw, d);
    }
    if (db)
      context.launch("cross_entropy, the bias' gradient",
                     static_cast<unsigned>((n - frozen_bias + kThreads - 1) / kThreads), kThreads, 0, bias_kernel,
                     static_cast<const float*>(logits), chunks.parts() * count, n, frozen_bias, db);
  }
}

const Kernels kCrossEntropy{"cross_entropy", forward};

}  // namespace

}  // namespace storm::cuda
