// The attention of recurrent models: a query over the rows of its source sentence, one head. Scores are q . k (Luong et
// al. 2015, §3.1; `general` when the keys are a product of the memory), v . tanh(q + k) (Bahdanau et al. 2015,
// §A.1.2; Luong's `concat` is the same with the query taken from the new state), or -|(q - k) * v|^2 / 2, the log of a
// Gaussian kernel, whose softmax makes the context the estimate of Nadaraya 1964 and Watson 1964; v is one over the
// kernel's width, in each column its own, or 1 where there is none. The context is the mean of the memory's rows,
// weighted with the scores' softmax. And that of a recurrent model over its own past, the rows before
// each query's own (Cheng et al. 2016; Daniluk et al. 2017, §2.1).
#pragma once

#include <algorithm>
#include <vector>

#include "tensor/execution.h"

namespace storm {

enum class Scoring : uint8_t { dot, additive, kernel };

struct AlignmentInput {
  Scoring scoring = Scoring::dot;
  Value v{};       // additive: [1, a]; kernel: [1, a] or none
  Value keys{};    // [source tokens, a]
  Value memory{};  // [source tokens, m]; may be the same value as the keys
  // I32 [sentences, 2], a constant: the rows of the memory, from and to (not included), that each target sentence
  // reads. In graphs with gradients no two sentences read the same row. A sentence without rows gets a context of
  // zeros.
  Value ranges{};
  bool logits = false;  // give out the scores in place of the weights; not in graphs with gradients
  // attend alone: query i of a sentence reads of the sentence's rows those from i - window to i - 1; the first none,
  // and so gets a context of zeros. 0: all rows.
  int64_t window = 0;
  // With a window: the weights have the layout that they have without, and are 0, or as logits -infinity, where a row
  // is not read. Else each query has `window` of them, of which the first are those of the rows that it reads.
  bool whole_weights = false;
};

// What a query reads: rows of keys and memory, and where its weights lie.
struct AlignmentSpot {
  int32_t begin, count;
  int64_t place;
};
// Of all queries. offsets: [sentences + 1], ranges: [sentences, 2]. In the header, as kernels need it, too, which are
// linked without the ops of the CPU.
inline std::vector<AlignmentSpot> alignment_spots(const int32_t* offsets, const int32_t* ranges, int64_t sentences,
                                                  int64_t window = 0, bool whole_weights = false) {
  std::vector<AlignmentSpot> spots(static_cast<std::size_t>(offsets[sentences]));
  int64_t place = 0;
  for (int64_t s = 0; s < sentences; ++s) {
    const int64_t rows = ranges[2 * s + 1] - ranges[2 * s];
    for (int64_t i = 0; i < offsets[s + 1] - offsets[s]; ++i) {
      const int64_t to = window > 0 ? std::min(i, rows) : rows;
      const int64_t from = window > 0 ? std::clamp<int64_t>(i - window, 0, to) : 0;
      spots[static_cast<std::size_t>(offsets[s] + i)] = {static_cast<int32_t>(ranges[2 * s] + from),
                                                         static_cast<int32_t>(to - from),
                                                         place + (whole_weights ? from : 0)};
      place += window > 0 && !whole_weights ? window : rows;
    }
  }
  return spots;
}

// One query and its rows, and what comes of them.
struct Alignment {
  Scoring scoring;
  int64_t a, m;
  const float *v, *keys, *memory;  // the whole tables
  bool logits;

  // query: [a], of which `count` rows from `begin` on are read -> weights [count], context [m]
  void forward(const float* query, int64_t begin, int64_t count, float* weights, float* context) const;
};
// Where the gradients go: all are added to, and each may be null.
struct AlignmentGradients {
  float *keys, *memory;

  // d_query: [a], overwritten; it may lie where the query does. d_v: [a], added to where there is a v
  void backward(const Alignment& forward, const float* query, int64_t begin, int64_t count, const float* weights,
                const float* d_context, float* d_query, float* d_v) const;
};

// Where each sentence's weights begin in their output, [queries, source rows] one sentence after another: the layout of
// ops/attention_weights.h with one head. offsets: of the queries, a constant [sentences + 1].
std::vector<int64_t> weight_places(const Graph& graph, Value offsets, Value ranges);

// For the op `name`: throws Error when the shapes do not fit. queries: the width of a query.
void check_alignment(const Graph& graph, const AlignmentInput& input, Value offsets, int64_t query_width,
                     const char* name);

struct Attended {
  Value context;  // [target tokens, m]
  Value weights;  // F32 [sum of queries * source rows, 1]; with a window: [queries * window, 1]
};

// All queries at once: attention upon a recurrence whose steps do not wait for it. queries: [target tokens, a];
// offsets: I32 [sentences + 1, 1], the queries of each sentence.
Attended attend(Graph& graph, Value queries, Value offsets, const AlignmentInput& input);

// For the kernels: what the node of attend carries. Its inputs: 0 queries, 1 v, 2 keys, 3 memory, 4 offsets, 5 ranges.
// Scratch in backward: [queries, a], [sentences, a], and, for a device, the gradients of all scores.
struct AttendAttributes {
  Scoring scoring;
  bool logits, whole_weights;
  int64_t window;
};

}  // namespace storm
