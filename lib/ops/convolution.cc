#include "ops/convolution.h"

#include <algorithm>
#include <cstring>
#include <tuple>
#include <vector>

#include "base/error.h"
#include "base/parallel.h"
#include "cpu/gemm.h"
#include "ops/dropout.h"
#include "tensor/execution.h"

namespace storm {

namespace {

using Attributes = ConvolutionAttributes;

constexpr int64_t kRowGrain = 16;

// Rows of a block: 2 MiB of windows, but enough of them for the products to run at full speed. By the shapes alone, so
// that threads do not change the sums.
int64_t block_rows(int64_t window, int64_t rows) {
  return std::min(std::clamp<int64_t>((int64_t{1} << 19) / window, 64, 1024) / 16 * 16, rows);
}

// y[r - first] = x[r], dropped out by the mask of row r
STORM_CLONES void drop_rows(const float* x, const DropoutStream& stream, int64_t first, int64_t begin, int64_t end,
                            int64_t n, float* factors, float* y) {
  for (int64_t r = begin; r < end; ++r) {
    dropout_row(stream, r, n, factors);
    const float* row = x + r * n;
    float* out = y + (r - first) * n;
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) out[i] = factors[i] * row[i];
  }
}

// dx = beta * dx + the sum of `count` parts that lie `step` apart, dropped out by the mask of the row.
// sum, factors: [n], rounded up to whole groups of 8.
STORM_CLONES void add_parts(const float* part, int64_t count, int64_t step, const DropoutStream& stream, int64_t row,
                            float beta, float* sum, float* factors, float* dx, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) sum[i] = 0;
  for (int64_t j = 0; j < count; ++j, part += step)
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) sum[i] += part[i];
  if (stream.active()) {
    dropout_row(stream, row, n, factors);
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) sum[i] *= factors[i];
  }
  if (beta != 0)
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) sum[i] += dx[i];
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) dx[i] = sum[i];
}

std::vector<float> row_of(int64_t n) { return std::vector<float>(static_cast<std::size_t>(whole_groups(n))); }

// A node's convolution, block by block.
class Convolution {
 public:
  Convolution(const Execution& run, const Node& node, float* scratch)
      : x(run.data(node.inputs[0])),
        rows(run.shape(node.inputs[0]).rows),
        in(run.shape(node.inputs[0]).cols),
        window(run.shape(node.inputs[1]).cols),
        kernel(window / in),
        left(node.attributes<Attributes>().reach == Reach::causal ? kernel - 1 : (kernel - 1) / 2),
        right(kernel - 1 - left),
        block(block_rows(window, rows)),
        stream(run.philox().seed, run.batch(), node.number,
               run.gradients() ? node.attributes<Attributes>().dropout : 0),
        offsets_(run.data<int32_t>(node.inputs[2])),
        sentences_(run.shape(node.inputs[2]).rows - 1),
        windows_(scratch),
        dropped_(scratch + block * window) {
    bool good = offsets_[0] == 0 && offsets_[sentences_] == rows;
    for (int64_t s = 0; s < sentences_; ++s) good = good && offsets_[s] <= offsets_[s + 1];
    require(good, "convolution: offsets must rise from 0 to the ", rows, " rows");
  }

  bool plain() const { return kernel == 1 && !stream.active(); }  // the windows are the rows themselves

  // Floats of scratch.
  static int64_t scratch(int64_t rows, int64_t in, int64_t window, bool dropout) {
    const int64_t block = block_rows(window, rows);
    return block * window + (dropout ? block * in + window : 0);
  }

  // [count, window]: the windows of rows [first, first + count), a block at most.
  const float* windows(int64_t first, int64_t count) const {
    if (plain()) return x + first * in;
    const int64_t low = std::max<int64_t>(first - left, 0), high = std::min(rows, first + count + right);
    const float* from = x + low * in;
    if (stream.active()) {
      parallel_ranges(high - low, kRowGrain, [&](int64_t begin, int64_t end) {
        auto factors = row_of(in);
        drop_rows(x, stream, low, low + begin, low + end, in, factors.data(), dropped_);
      });
      from = dropped_;
    }
    parallel_ranges(count, kRowGrain, [&](int64_t begin, int64_t end) {
      for_rows(first + begin, first + end, [&](int64_t row, int64_t sentence, int64_t sentence_end) {
        float* out = windows_ + (row - first) * window;
        const int64_t begins = std::max(row - left, sentence), ends = std::min(row + right + 1, sentence_end);
        const auto zeros = [&](int64_t place, int64_t places) { std::fill_n(out + place * in, places * in, 0.0f); };
        zeros(0, begins - (row - left));
        std::copy_n(from + (begins - low) * in, (ends - begins) * in, out + (begins - (row - left)) * in);
        zeros(ends - (row - left), row + right + 1 - ends);
      });
    });
    return windows_;
  }

  // Adds the windows' gradients, [count, window], to those of the rows that they were cut from. Blocks come in order;
  // the first one to reach a row finds there what beta speaks of.
  void add_windows(const float* gradients, int64_t first, int64_t count, float beta, float* dx) const {
    const int64_t low = std::max<int64_t>(first - left, 0), high = std::min(rows, first + count + right);
    const int64_t fresh = first == 0 ? 0 : first + right;
    parallel_ranges(high - low, kRowGrain, [&](int64_t begin, int64_t end) {
      auto sum = row_of(in), factors = row_of(in);
      for_rows(low + begin, low + end, [&](int64_t row, int64_t sentence, int64_t sentence_end) {
        // The windows of rows [row - right, row + left] hold it, the last of them in its first place.
        const int64_t begins = std::max({row - right, sentence, first});
        const int64_t ends = std::min({row + left + 1, sentence_end, first + count});
        const float* part = gradients + (begins - first) * window + (row - begins + left) * in;
        add_parts(part, std::max<int64_t>(ends - begins, 0), window - in, stream, row, row >= fresh ? beta : 1.0f,
                  sum.data(), factors.data(), dx + row * in, in);
      });
    });
  }

  const float* x;
  int64_t rows, in, window, kernel, left, right, block;
  DropoutStream stream;

 private:
  // Calls body(row, begin and end of its sentence) for rows [from, to).
  template <class Body>
  void for_rows(int64_t from, int64_t to, Body&& body) const {
    const int32_t* s = std::upper_bound(offsets_, offsets_ + sentences_ + 1, from) - 1;
    for (int64_t row = from; row < to; ++row) {
      while (s[1] <= row) ++s;
      body(row, int64_t{s[0]}, int64_t{s[1]});
    }
  }

  const int32_t* offsets_;
  int64_t sentences_;
  float *windows_, *dropped_;
};

void forward(const Execution& run, const Node& node) {
  const Convolution c(run, node, run.scratch_forward(node));
  const float* weight = run.data(node.inputs[1]);
  const int64_t out = run.shape(node.outputs[0]).cols;
  float* y = run.data(node.outputs[0]);
  for (int64_t first = 0; first < c.rows; first += c.block) {
    const int64_t count = std::min(c.block, c.rows - first);
    gemm(false, true, count, out, c.window, 1, c.windows(first, count), c.window, weight, c.window, 0, y + first * out,
         out);
  }
}

void backward(const Execution& run, const Node& node) {
  const Convolution c(run, node, run.scratch_backward(node));
  const float* weight = run.data(node.inputs[1]);
  const float* dy = run.gradient(node.outputs[0]);
  float *dx = run.gradient(node.inputs[0]), *dw = run.gradient(node.inputs[1]);
  const int64_t out = run.shape(node.outputs[0]).cols;
  const float beta = run.beta(node, 0);
  if (dw && run.beta(node, 1) == 0 && c.rows == 0) std::fill_n(dw, out * c.window, 0.0f);
  for (int64_t first = 0; first < c.rows; first += c.block) {
    const int64_t count = std::min(c.block, c.rows - first);
    const float* part = dy + first * out;
    if (dw)
      gemm(true, false, out, c.window, count, 1, part, out, c.windows(first, count), c.window,
           first == 0 ? run.beta(node, 1) : 1.0f, dw, c.window);
    if (!dx) continue;
    if (c.plain()) {
      gemm(false, false, count, c.in, out, 1, part, out, weight, c.in, beta, dx + first * c.in, c.in);
      continue;
    }
    float* d_windows = run.scratch_backward(node);  // where the windows lay, which are done with
    gemm(false, false, count, c.window, out, 1, part, out, weight, c.window, 0, d_windows, c.window);
    c.add_windows(d_windows, first, count, beta, dx);
  }
}

constexpr Op kConvolution{"convolution", forward, backward};

struct StepAttributes {
  int64_t kernel;
};

void step_forward(const Execution& run, const Node& node) {
  const auto [x, windows, parents] = std::tuple(node.inputs[0], node.inputs[1], node.inputs[2]);
  const auto [rows, in] = run.shape(x);
  const int64_t window = run.shape(node.outputs[0]).cols;
  const auto past = static_cast<std::size_t>(window - in);
  float* out = run.data(node.outputs[0]);
  for (int64_t r = 0; r < rows; ++r, out += window) {
    if (windows) {
      const int32_t parent = run.data<int32_t>(parents)[r];
      require(parent >= 0 && parent < run.shape(windows).rows, "next_windows: row ", r, " goes on from row ", parent,
              " of ", run.shape(windows).rows);
      std::memcpy(out, run.data(windows) + parent * window + in, past * sizeof(float));
    } else {
      std::fill_n(out, past, 0.0f);
    }
    std::memcpy(out + past, run.data(x) + r * in, static_cast<std::size_t>(in) * sizeof(float));
  }
}

constexpr Op kNextWindows{"next_windows", step_forward};

}  // namespace

Value convolution(Graph& graph, Value x, Value weight, Value offsets, Reach reach, float dropout) {
  const Shape in = graph.shape(x), w = graph.shape(weight);
  require(in.cols > 0 && w.cols > 0 && w.cols % in.cols == 0, "convolution: input is ", in.cols,
          " wide, the weight's rows of ", w.cols, " are no windows of it");
  require(graph.shape(offsets).rows > 0 && graph[offsets].dtype == DType::I32,
          "convolution: offsets must be I32 [sentences + 1, 1]");
  require(dropout >= 0 && dropout < 1, "convolution: dropout must be in [0, 1), it is ", dropout);
  Node node{.op = &kConvolution, .inputs = {x, weight, offsets}};
  node.keep_inputs = 0b111;
  node.scratch_forward = node.scratch_backward =
      static_cast<std::size_t>(Convolution::scratch(in.rows, in.cols, w.cols, dropout > 0)) * sizeof(float);
  return graph.record(node, {{{in.rows, w.rows}}}, Attributes{reach, graph.gradients() ? dropout : 0});
}

Value next_windows(Graph& graph, Value x, Value windows, Value parents, int64_t kernel) {
  const Shape in = graph.shape(x);
  const int64_t window = kernel * in.cols;
  require(kernel > 0 && (!windows || graph.shape(windows).cols == window), "next_windows: kernel ", kernel,
          " and inputs of ", in.cols, " do not make the windows of the step before");
  require(!windows || (graph.shape(parents).size() == in.rows && graph[parents].dtype == DType::I32),
          "next_windows: each row needs a parent");
  const Node node{.op = &kNextWindows, .inputs = {x, windows, windows ? parents : Value{}}};
  return graph.record(node, {{{in.rows, window}}}, StepAttributes{kernel});
}

}  // namespace storm
