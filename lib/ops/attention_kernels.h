// The loops of attention over one block of queries and one block of keys of one sentence and head. Blocks lie packed in
// scratch: rows aligned to 64 bytes, widths padded with zeros to a multiple of 16.
#pragma once

#include <cstdint>

#include "ops/dropout.h"

namespace storm::attention_kernels {

constexpr int64_t kLane = 16;  // floats of the widest vector: what row lengths are padded to
constexpr int64_t padded(int64_t n) { return (n + kLane - 1) / kLane * kLane; }

constexpr int64_t kQueryBlock = 64, kKeyBlock = 128;  // key blocks are whole groups of dropout's 8 columns

// What of a product is zero or not wanted under a causal mask, by the row of the result: columns beyond the diagonal
// (scores), terms beyond it (sums over keys) or terms before it (sums over queries, rows are keys).
enum class Band : uint8_t { none, columns, terms_until, terms_from };

// c[i, j] (+)= sum over t of a(i, t) * b[t, j], terms in rising order; i < rows, j < cols, t < terms.
struct Product {
  const float* a;  // a(i, t) is a[i * lda + t], or a[t * lda + i] when transposed; any alignment
  int64_t lda;
  bool transposed;
  const float* b;
  int64_t ldb;
  float* c;  // any alignment
  int64_t ldc;
  int64_t rows, cols, terms;  // cols: a multiple of kLane
  bool add;
  Band band = Band::none;
  int64_t diagonal = 0;  // query i of the block sees its keys 0..i + diagonal
};
void multiply(const Product& p);

// dst[i, 0..cols) = scale * src[i, 0..cols), then zeros up to dst_ld
void pack_rows(const float* src, int64_t ld, int64_t rows, int64_t cols, float scale, float* dst, int64_t dst_ld);
// dst[c, i] = scale * src[i, c], then zeros up to dst_ld, a multiple of kLane
void pack_transposed(const float* src, int64_t ld, int64_t rows, int64_t cols, float scale, float* dst, int64_t dst_ld);
// dst[i, c] (+)= src[i, c] for packed src
void store_rows(const float* src, int64_t ld, int64_t rows, int64_t cols, bool add, float* dst, int64_t dst_ld);
// dots[i] = a[i, :] . b[i, :]
void row_dots(const float* a, const float* b, int64_t ld, int64_t rows, int64_t cols, float* dots);

// A block of scores and its place in the sentence.
struct Block {
  int64_t rows, keys, ld;  // [rows, ld], ld = padded(keys)
  bool causal;
  int64_t diagonal;
  DropoutStream dropout;
  int64_t mask_row, mask_row_step, first_key;  // the dropout mask's row of query 0, from query to query, its column
};

// One step of the softmax over blocks of keys (Milakov and Gimelshein 2018): scores become exp(score - maximum),
// dropped out; maxima and sums [rows] take this block in; out [rows, out_ld], what earlier blocks gave, is scaled to
// the new maximum.
void softmax_rows(const Block& block, bool first, float* scores, float* maxima, float* sums, float* out,
                  int64_t out_ld);
// scores become the dropped-out probabilities, d_scores (the gradient of those) the gradient of the scores.
// log_sums[i * log_sums_step]: log of the sum of exp(score) of row i; dots: the rows' sums of output times gradient.
void gradient_rows(const Block& block, float* scores, float* d_scores, const float* log_sums, int64_t log_sums_step,
                   const float* dots);

// out[i, c] = src[i, c] / sums[i], zeros where nothing was summed
void divide_rows(const float* src, int64_t ld, const float* sums, int64_t rows, int64_t cols, float* out,
                 int64_t out_ld);

}  // namespace storm::attention_kernels
