#include "ops/cross_entropy.h"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <vector>

#include "base/error.h"
#include "base/parallel.h"
#include "cpu/bf16_product.h"
#include "cpu/gemm.h"
#include "cpu/simd.h"
#include "ops/column_sums.h"
#include "tensor/execution.h"

namespace storm {

namespace {

using Attributes = CrossEntropyAttributes;

using RowSums = CrossEntropyRow;

// logits: [rows, n], without the bias. With gradients they become gradient_scale * d loss / d logits.
// uniform: gradient_scale * label_smoothing / n, the share of every word; gold: what is left for the target.
struct Softmax {
  const float* bias;  // [n] or null
  const int32_t* targets;
  int64_t n;
  bool gradients;
  float scale, uniform, gold;
};

STORM_CLONES void softmax_rows(const Softmax& f, float* logits, int64_t begin, int64_t end, RowSums* sums) {
  const int64_t n = f.n;
  const float* bias = f.bias;
  for (int64_t r = begin; r < end; ++r) {
    float* row = logits + r * n;
    if (bias) {
#pragma omp simd
      for (int64_t i = 0; i < n; ++i) row[i] += bias[i];
    }
    const float largest = simd::largest(row, n);
    const int64_t target = f.targets[r];
    const float gold = row[target] - largest;
    float exps = 0, total = 0;
    if (f.gradients) {
#pragma omp simd reduction(+ : exps, total)
      for (int64_t i = 0; i < n; ++i) {
        const float z = row[i] - largest, e = simd::exp(z);
        row[i] = e;
        exps += e;
        total += z;
      }
      const float scale = f.scale / exps, uniform = f.uniform;
#pragma omp simd
      for (int64_t i = 0; i < n; ++i) row[i] = row[i] * scale - uniform;
      row[target] -= f.gold;
    } else {
#pragma omp simd reduction(+ : exps, total)
      for (int64_t i = 0; i < n; ++i) {
        const float z = row[i] - largest;
        exps += simd::exp(z);
        total += z;
      }
    }
    sums[r] = {exps, total, gold, 0};
  }
}

// The same of two rows that R-Drop holds together. logits: the first; twin: the second. apart: of each word, by how
// much the first one's logit is the larger: [n]. pull: scale * r_drop / 2.
STORM_CLONES void softmax_twins(const Softmax& f, float pull, float* first, float* second, float* apart, int64_t target,
                                RowSums& sums, RowSums& twin) {
  const int64_t n = f.n;
  if (f.bias) {
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) first[i] += f.bias[i], second[i] += f.bias[i];
  }
  const float largest = simd::largest(first, n), largest2 = simd::largest(second, n);
  const float gold = first[target] - largest, gold2 = second[target] - largest2;
  float exps = 0, exps2 = 0, total = 0, total2 = 0, by_first = 0, by_second = 0;
#pragma omp simd reduction(+ : exps, exps2, total, total2, by_first, by_second)
  for (int64_t i = 0; i < n; ++i) {
    const float z = first[i] - largest, z2 = second[i] - largest2, e = simd::exp(z), e2 = simd::exp(z2), d = z - z2;
    first[i] = e, second[i] = e2, apart[i] = d;
    exps += e, exps2 += e2;
    total += z, total2 += z2;
    by_first += e * d, by_second += e2 * d;
  }
  // With s = log p - log q = apart + a constant: KL(p || q) is the mean of s by p, KL(q || p) that of -s by q.
  const float mean = by_first / exps, mean2 = by_second / exps2;
  sums = {exps, total, gold, mean - mean2};
  twin = {exps2, total2, gold2, 0};
  if (!f.gradients) return;
  const float one = 1 / exps, one2 = 1 / exps2, scale = f.scale, uniform = f.uniform;
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) {
    const float p = first[i] * one, q = second[i] * one2, d = apart[i];
    first[i] = scale * p - uniform + pull * (p * (d - mean) + p - q);
    second[i] = scale * q - uniform + pull * (q * (mean2 - d) + q - p);
  }
  first[target] -= f.gold;
  second[target] -= f.gold;
}

void forward(const Execution& run, const Node& node) {
  const auto [options, scale] = node.attributes<Attributes>();
  const float epsilon = options.label_smoothing;
  const auto [x, weight, bias, target] = std::tuple(node.inputs[0], node.inputs[1], node.inputs[2], node.inputs[3]);
  const int64_t rows = run.shape(x).rows, d = run.shape(x).cols, n = run.shape(weight).rows,
                chunk = cross_entropy_rows(n);
  const CrossEntropyChunks chunks(rows, chunk, options.r_drop > 0);
  const int32_t* targets = run.data<int32_t>(target);
  for (int64_t r = 0; r < rows; ++r)  // they come from files: one out of range must not write elsewhere
    require(targets[r] >= 0 && targets[r] < n, "cross_entropy: target ", targets[r], " of row ", r,
            " is not within 0..", n - 1);
  if (chunks.twins > 0) require_pairs(targets, rows);
  float *dx = run.gradient(x), *dw = run.gradient(weight), *db = run.gradient(bias);
  const int64_t frozen = run.frozen(weight), frozen_bias = run.frozen(bias);
  if (dw && run.beta(node, 1) == 0) std::fill_n(dw, n * d, 0.0f);
  if (db && run.beta(node, 2) == 0) std::fill_n(db, n, 0.0f);
  float* logits = run.scratch_forward(node);  // [chunk, n], then RowSums[chunk]
  auto* sums = reinterpret_cast<RowSums*>(logits + std::min(chunk, rows) * n);
  float* token_nll = run.data(node.outputs[1]);
  static thread_local Buffer memory[3];  // where operands of products are rounded
  const Operand all = operand(run.data(x), rows, d, memory[0]), packed = weight_operand(run, weight),
                words = packed.packed ? packed : operand(packed.exact, n, d, memory[1]);
  Bf16* rounded = nullptr;
  Operand slopes{logits, n};  // of the loss by the logits, rounded as they come
  if (words.rounded && (dx || dw)) {
    memory[2].grow(static_cast<std::size_t>(std::min(chunk, rows) * n) * sizeof(Bf16));
    slopes.rounded = rounded = memory[2].as<Bf16>().data();
  }
  double loss = 0, nll = 0;
  for (int64_t first = 0; first < chunks.rows; first += chunks.most) {
    const int64_t count = std::min(chunks.most, chunks.rows - first);
    const auto row_of = [&](int64_t part) { return first + part * chunks.twins; };  // the first of a part
    for (int64_t part = 0; part < chunks.parts(); ++part)
      gemm(false, true, count, n, d, all.from_row(row_of(part)), words, 0, logits + part * count * n, n);
    const Softmax softmax{.bias = run.data_or_null(bias),
                          .targets = targets + first,
                          .n = n,
                          .gradients = dx || dw || db,
                          .scale = scale,
                          .uniform = scale * epsilon / static_cast<float>(n),
                          .gold = scale * (1 - epsilon)};
    parallel_ranges(count, 1, [&](int64_t begin, int64_t end) {
      if (!rounded && chunks.twins == 0) return softmax_rows(softmax, logits, begin, end, sums);
      static thread_local std::vector<float> apart;
      apart.resize(chunks.twins > 0 ? static_cast<std::size_t>(n) : 0);
      for (int64_t r = begin; r < end; ++r) {  // a row at a time, which the caches hold
        if (chunks.twins > 0)
          softmax_twins(softmax, scale * options.r_drop / 2, logits + r * n, logits + (count + r) * n, apart.data(),
                        softmax.targets[r], sums[r], sums[count + r]);
        else
          softmax_rows(softmax, logits, r, r + 1, sums);
        for (int64_t part = 0; rounded && part < chunks.parts(); ++part)
          round_to_bf16(logits + (part * count + r) * n, rounded + (part * count + r) * n, n);
      }
    });
    for (int64_t k = 0; k < chunks.parts() * count; ++k) {  // in the order of the rows, whatever the threads
      const double log_sum = std::log(static_cast<double>(sums[k].exps));
      const double gold = log_sum - static_cast<double>(sums[k].target);
      const double mean = log_sum - static_cast<double>(sums[k].logits) / static_cast<double>(n);
      token_nll[row_of(k / count) + k % count] = static_cast<float>(gold);
      nll += gold;
      loss += epsilon > 0 ? gold + static_cast<double>(epsilon) * (mean - gold) : gold;
      loss += static_cast<double>(options.r_drop) / 2 * static_cast<double>(sums[k].apart);
    }
    for (int64_t part = 0; part < chunks.parts(); ++part) {
      const Operand mine = slopes.from_row(part * count);
      if (dx) gemm(false, false, count, d, n, mine, words, run.beta(node, 0), dx + row_of(part) * d, d);
      if (dw) gemm(true, false, n - frozen, d, count, mine.from_column(frozen), all.from_row(row_of(part)), 1, dw, d);
    }
    if (db) add_column_sums(db, 1, logits + frozen_bias, chunks.parts() * count, n - frozen_bias, n);
  }
  double* totals = run.data<double>(node.outputs[0]);
  totals[0] = loss;
  totals[1] = nll;
}

constexpr Op kCrossEntropy{.name = "cross_entropy",
                           .forward = forward,
                           .gradient_in_forward = true,
                           .frozen_rows = true,
                           .packed_weights = true};

}  // namespace

CrossEntropy cross_entropy(Graph& graph, Value x, Value weight, Value bias, Value targets, const LossOptions& options,
                           float gradient_scale) {
  const Shape in = graph.shape(x), w = graph.shape(weight);
  require(in.cols == w.cols, "cross_entropy: input is ", in.cols, " wide, the weight takes ", w.cols);
  require(!bias || graph.shape(bias).size() == w.rows, "cross_entropy: the bias does not fit the weight");
  require(graph.shape(targets).size() == in.rows, "cross_entropy: ", in.rows, " rows, ", graph.shape(targets).size(),
          " targets");
  Node node{.op = &kCrossEntropy, .inputs = {x, weight, bias, targets}};
  const auto chunk = static_cast<std::size_t>(std::min(cross_entropy_rows(w.rows), in.rows));
  node.scratch_forward = chunk * (static_cast<std::size_t>(w.rows) * sizeof(float) + sizeof(RowSums));
  const Value totals = graph.record(node, {{{1, 2}, DType::F64}, {{in.rows, 1}}}, Attributes{options, gradient_scale});
  const Value token_nll = graph.producer(totals).outputs[1];
  graph.keep(totals);
  graph.keep(token_nll);
  return {totals, token_nll};
}

}  // namespace storm
