// The attention of recurrent models: a query over the rows of its source sentence, one head. Scores are q . k (Luong et
// al. 2015, §3.1; `general` when the keys are a product of the memory) or v . tanh(q + k) (Bahdanau et al. 2015,
// §A.1.2; Luong's `concat` is the same with the query taken from the new state). The context is the mean of the
// memory's rows, weighted with the scores' softmax.
#pragma once

#include <vector>

#include "tensor/execution.h"

namespace storm {

enum class Scoring : uint8_t { dot, additive };

struct AlignmentInput {
  Scoring scoring = Scoring::dot;
  Value v{};       // additive: [1, a]
  Value keys{};    // [source tokens, a]
  Value memory{};  // [source tokens, m]; may be the same value as the keys
  // I32 [sentences, 2], a constant: the rows of the memory, from and to (not included), that each target sentence
  // reads. In graphs with gradients no two sentences read the same row. A sentence without rows gets a context of
  // zeros.
  Value ranges{};
  bool logits = false;  // give out the scores in place of the weights; not in graphs with gradients
};

// One query and its rows, and what comes of them.
struct Alignment {
  Scoring scoring;
  int64_t a, m;
  const float *v, *keys, *memory;  // the whole tables
  const int32_t* ranges;
  bool logits;

  // query: [a] -> weights [rows of the sentence], context [m]
  void forward(const float* query, int64_t sentence, float* weights, float* context) const;
};
// Where the gradients go: all are added to, and each may be null.
struct AlignmentGradients {
  float *keys, *memory;
  float* v;  // [sentences, a], to be summed over the sentences afterwards

  // d_query: [a], overwritten; it may lie where the query does.
  void backward(const Alignment& forward, const float* query, int64_t sentence, const float* weights,
                const float* d_context, float* d_query) const;
};

// Where each sentence's weights begin in their output, [queries, source rows] one sentence after another: the layout of
// ops/attention_weights.h with one head. offsets: of the queries, a constant [sentences + 1].
std::vector<int64_t> weight_places(const Graph& graph, Value offsets, Value ranges);

// For the op `name`: throws Error when the shapes do not fit. queries: the width of a query.
void check_alignment(const Graph& graph, const AlignmentInput& input, Value offsets, int64_t query_width,
                     const char* name);

struct Attended {
  Value context;  // [target tokens, m]
  Value weights;  // F32 [sum of queries * source rows, 1]
};

// All queries at once: attention upon a recurrence whose steps do not wait for it. queries: [target tokens, a];
// offsets: I32 [sentences + 1, 1], the queries of each sentence.
Attended attend(Graph& graph, Value queries, Value offsets, const AlignmentInput& input);

// For the kernels: what the node of attend carries. Its inputs: 0 queries, 1 v, 2 keys, 3 memory, 4 offsets, 5 ranges.
// Scratch in backward: [queries, a], [sentences, a], and, for a device, the gradients of all scores.
struct AttendAttributes {
  Scoring scoring;
  bool logits;
};

}  // namespace storm
