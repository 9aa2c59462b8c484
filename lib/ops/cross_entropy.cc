#include "ops/cross_entropy.h"

#include <algorithm>
#include <cmath>
#include <tuple>

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
    sums[r] = {exps, total, gold};
  }
}

void forward(const Execution& run, const Node& node) {
  const auto [epsilon, scale] = node.attributes<Attributes>();
  const auto [x, weight, bias, target] = std::tuple(node.inputs[0], node.inputs[1], node.inputs[2], node.inputs[3]);
  const int64_t rows = run.shape(x).rows, d = run.shape(x).cols, n = run.shape(weight).rows,
                chunk = cross_entropy_rows(n);
  const int32_t* targets = run.data<int32_t>(target);
  for (int64_t r = 0; r < rows; ++r)  // they come from files: one out of range must not write elsewhere
    require(targets[r] >= 0 && targets[r] < n, "cross_entropy: target ", targets[r], " of row ", r,
            " is not within 0..", n - 1);
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
  for (int64_t first = 0; first < rows; first += chunk) {
    const int64_t count = std::min(chunk, rows - first);
    const Operand part = all.from_row(first);
    gemm(false, true, count, n, d, part, words, 0, logits, n);
    const Softmax softmax{.bias = run.data_or_null(bias),
                          .targets = targets + first,
                          .n = n,
                          .gradients = dx || dw || db,
                          .scale = scale,
                          .uniform = scale * epsilon / static_cast<float>(n),
                          .gold = scale * (1 - epsilon)};
    parallel_ranges(count, 1, [&](int64_t begin, int64_t end) {
      if (!rounded) return softmax_rows(softmax, logits, begin, end, sums);
      for (int64_t r = begin; r < end; ++r) {  // a row at a time, which the caches hold
        softmax_rows(softmax, logits, r, r + 1, sums);
        round_to_bf16(logits + r * n, rounded + r * n, n);
      }
    });
    for (int64_t r = 0; r < count; ++r) {  // in the order of the rows, whatever the threads
      const double log_sum = std::log(static_cast<double>(sums[r].exps));
      const double gold = log_sum - static_cast<double>(sums[r].target);
      const double mean = log_sum - static_cast<double>(sums[r].logits) / static_cast<double>(n);
      token_nll[first + r] = static_cast<float>(gold);
      nll += gold;
      loss += epsilon > 0 ? gold + static_cast<double>(epsilon) * (mean - gold) : gold;
    }
    if (dx) gemm(false, false, count, d, n, slopes, words, run.beta(node, 0), dx + first * d, d);
    if (dw) gemm(true, false, n - frozen, d, count, slopes.from_column(frozen), part, 1, dw, d);
    if (db) add_column_sums(db, 1, logits + frozen_bias, count, n - frozen_bias, n);
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

CrossEntropy cross_entropy(Graph& graph, Value x, Value weight, Value bias, Value targets, float label_smoothing,
                           float gradient_scale) {
  const Shape in = graph.shape(x), w = graph.shape(weight);
  require(in.cols == w.cols, "cross_entropy: input is ", in.cols, " wide, the weight takes ", w.cols);
  require(!bias || graph.shape(bias).size() == w.rows, "cross_entropy: the bias does not fit the weight");
  require(graph.shape(targets).size() == in.rows, "cross_entropy: ", in.rows, " rows, ", graph.shape(targets).size(),
          " targets");
  Node node{.op = &kCrossEntropy, .inputs = {x, weight, bias, targets}};
  const auto chunk = static_cast<std::size_t>(std::min(cross_entropy_rows(w.rows), in.rows));
  node.scratch_forward = chunk * (static_cast<std::size_t>(w.rows) * sizeof(float) + sizeof(RowSums));
  const Value totals =
      graph.record(node, {{{1, 2}, DType::F64}, {{in.rows, 1}}}, Attributes{label_smoothing, gradient_scale});
  const Value token_nll = graph.producer(totals).outputs[1];
  graph.keep(totals);
  graph.keep(token_nll);
  return {totals, token_nll};
}

}  // namespace storm
