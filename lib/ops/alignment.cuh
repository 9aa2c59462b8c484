// alignment.h on the device: many queries in a launch, each over the rows of its own sentence. Inside lib/ops only.
#pragma once

#include <vector>

#include "cuda/context.h"
#include "ops/alignment.h"

namespace storm::cuda {

// The spots of all target tokens, on the device, from offsets and ranges on the host.
const AlignmentSpot* staged_spots(Context& context, const int32_t* offsets, const int32_t* ranges, int64_t sentences,
                                  int64_t window = 0, bool whole_weights = false);

struct AlignmentTables {
  Scoring scoring;
  int64_t a, m;
  const float *v, *keys, *memory;
  const AlignmentSpot* spots;  // [target tokens]
};

// Query i is that of target token rows[i]; rows null: of token i.
struct AlignmentForward {
  const int32_t* rows;
  const float* queries;  // [queries, query_ld]
  int64_t query_ld;
  bool logits;      // weights get the scores
  float* weights;   // of all target tokens
  float* contexts;  // [target tokens, m]
  float* step;      // [queries, step_ld]: the contexts once more, in the order of the queries; may be null
  int64_t step_ld;
};
// 1 launch.
void queue_alignment(Context& context, const AlignmentTables& tables, const AlignmentForward& f, int64_t queries);

struct AlignmentBackward {
  const int32_t* rows;
  const float* queries;  // [target tokens, a]
  const float* weights;  // of all target tokens
  const float* d_step;   // [queries, step_ld]: the contexts' gradients; null: they are in d_contexts
  int64_t step_ld;
  const float* d_more;  // [target tokens, m]: is added to d_step; may be null
  float* d_contexts;    // [target tokens, m]: gets their sum
  float* d_scores;      // beside the weights
  float* d_step_query;  // [queries, a] = step_beta * itself + the query's gradient; may be null
  float step_beta;
  float* d_queries;  // [target tokens, a]: the same, overwritten; may be null
  float* d_v;        // where there is a v: [queries, a] = v_beta * itself + the query's share of v's gradient
  float v_beta;
};
// 1 launch: what the steps before wait for.
void queue_alignment_backward(Context& context, const AlignmentTables& tables, const AlignmentBackward& f,
                              int64_t queries);

// Afterwards, of all queries at once: the gradients of the keys and the memory, either may be null; they may be one.
struct AlignmentRows {
  const int32_t* offsets;    // [sentences + 1], on the device
  const int32_t* sentences;  // [source tokens]: who reads the row, or -1
  const int32_t* ranges;     // [sentences, 2], on the device
  int64_t window;            // as AlignmentInput's
  const float* queries;      // [target tokens, a]
  const float *weights, *d_contexts, *d_scores;
  float *d_keys, *d_memory;
  float beta_keys, beta_memory;
};
// Makes AlignmentRows::sentences, on the device, from ranges on the host.
const int32_t* alignment_readers(Context& context, const int32_t* ranges, int64_t sentences, int64_t source_rows);
// 1 launch.
void queue_alignment_rows(Context& context, const AlignmentTables& tables, const AlignmentRows& f, int64_t source_rows);

}  // namespace storm::cuda
