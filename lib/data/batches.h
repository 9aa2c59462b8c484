// Batches of rows by tokens. Batches are packed, never padded, so lengths need not be alike: each epoch is one
// uniformly random order, cut where a batch is full. Order and cuts follow from (seed, epoch) alone, so a place in the
// data is two numbers.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/permutation.h"
#include "data/row_source.h"
#include "data/token_file.h"

namespace storm {

struct Place {
  int64_t epoch = 0;  // from 0
  int64_t next = 0;   // how many rows of the epoch's order are done
  bool operator==(const Place&) const = default;
};

// One of the sequences that a model is fed of each row: what a row takes of a batch's tokens there. A pair of sentences
// is fed as two, a pair of texts for an encoder as one of both columns.
struct Side {
  std::vector<std::size_t> columns;  // of the row, whose tokens stand in it
  // Tokens of each row beside these: BOS, EOS, separators. -1 where a row's first id or last one is no input: a row of
  // running text (text_rows.h).
  int64_t added = 0;
  int64_t longest = INT32_MAX;  // that the model takes, those included
};
int64_t tokens_on(const Side& side, std::span<const int64_t> lengths);  // lengths: of each column of a row

int64_t all_tokens(const RowSource& source, const Side& side);  // of all rows of the first epoch

// What a row of the source's longest columns takes on each side, at most what the model takes.
std::vector<int64_t> longest_rows(const RowSource& source, std::span<const Side> sides);

class BatchSource {
 public:
  // max_tokens: of a batch, on its larger side. shuffle: off, rows come in the source's order (for validation). The
  // source must outlive this; a file must be indexed. A source of streams has an order and batches of its own.
  BatchSource(const RowSource& source, std::vector<Side> sides, int64_t max_tokens, bool shuffle, uint64_t seed = 0);

  // The batch that begins at place, which moves behind it. Rows over a limit are passed over. False at the end of an
  // epoch, when place moves to the start of the next and rows is empty.
  bool next(Place& place, Rows& rows) const;

  // How many batches an epoch has: reads all lengths.
  int64_t batches(int64_t epoch) const;
  int64_t dropped() const { return dropped_; }                 // rows over a limit: counted once, when this is made
  int64_t rows() const { return source_.rows(0) - dropped_; }  // of the first epoch
  // Tokens of the last side of those rows: what a first loss is taken of.
  int64_t tokens() const { return all_tokens(source_, sides_.back()) - dropped_tokens_; }
  std::span<const Side> sides() const { return sides_; }  // none takes longer rows than a batch
  int64_t max_tokens() const { return max_tokens_; }
  int64_t streams() const { return source_.streams(); }

 private:
  bool fits(std::span<const int64_t> lengths) const;
  Permutation order(int64_t epoch) const;
  // Calls take(row) for each row of the batch at place; false at the end of the epoch.
  template <class Take>
  bool walk(Place& place, const Permutation& order, Take&& take) const;

  const RowSource& source_;
  std::vector<Side> sides_;
  int64_t max_tokens_;
  bool shuffle_;
  uint64_t seed_;
  int64_t dropped_ = 0, dropped_tokens_ = 0;
};

// Where to cut rows into parts of about the same size, each with up to max_tokens on its larger side, and one row at
// least: the first row of each part, and behind the last one the number of rows.
std::vector<int64_t> even_parts(const Rows& rows, std::span<const Side> sides, int64_t max_tokens);

}  // namespace storm
