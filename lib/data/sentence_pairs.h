// Pairs of stretches of sentences, of which the second goes on where the first ends, or is from another document
// (Devlin et al. 2018, §3.1 and appendix A.2, "next sentence prediction").
#pragma once

#include <optional>

#include "base/random.h"
#include "data/token_file.h"

namespace storm {

// A file's rows are sentences, and blank rows stand between documents. Each epoch cuts the documents into rows of two
// columns: the ids of A and B, up to `length` of both, and two numbers, how many are A's and whether B is next (0) or
// from elsewhere (1): BERT's labels. As in the reference's create_pretraining_data.py:
//   - A and B are sentences of one document, as many as reach a row's length together, or up to the document's end. For
//     one row in ten that length is drawn uniformly, from 2 on. A has the first ones, any number but all.
//   - Half the time, and always where there is but one sentence, B is put back, and its place taken by sentences of
//     another document, from one of them on, each drawn uniformly, until the length is reached or that document ends.
//   - What is too long is cut token by token from whichever is the longer, at its front or its end as a coin falls.
// Rows are drawn by (seed, epoch, the row's first sentence), so that a row is found without those before it.
class SentencePairs : public RowSource {
 public:
  static constexpr int32_t kIsNext = 0, kIsElsewhere = 1;

  // file: of one column, indexed; it must outlive this. length: 2 at least. seed: none cuts every epoch alike (for
  // validation). Kept in memory are 16 bytes a document and 8 for each 16 rows. Throws Error where there are not
  // two documents.
  SentencePairs(const TokenFile& file, int64_t length, std::optional<uint64_t> seed);

  int64_t rows(int64_t epoch) const override { return cut(epoch).rows; }
  void lengths(int64_t epoch, int64_t row, std::span<int64_t> to) const override;
  void append(int64_t epoch, int64_t row, Rows& to) const override;
  std::span<const int64_t> longest() const override { return longest_; }
  std::vector<int64_t> all_ids(int64_t epoch) const override;

 private:
  struct Stretch {  // of the file's rows
    int64_t first, last;
  };
  struct Pair {
    Stretch a, b;
    int32_t label;
    int64_t next;         // the first sentence of the next pair's A
    int64_t in_a, in_b;   // ids that stay
    RandomStream random;  // which goes on with the coins
  };
  struct Epoch {
    int64_t epoch = -1, rows = 0;
    std::vector<int64_t> begins;  // every kStride-th row's first sentence
  };
  int64_t ids(Stretch rows) const { return file_.ids_before(rows.last) - file_.ids_before(rows.first); }
  std::size_t document_of(int64_t row) const;
  // The row whose A begins with this sentence. whole: off, B of another document and what is cut are left open.
  Pair pair(int64_t epoch, std::size_t document, int64_t first, bool whole) const;
  template <class Take>
  void walk(int64_t epoch, int64_t first, bool whole, Take&& take) const;  // from there on, while take(pair, first)
  const Epoch& cut(int64_t epoch) const;
  const Pair& find(int64_t epoch, int64_t row) const;

  const TokenFile& file_;
  int64_t length_;
  std::optional<uint64_t> seed_;
  std::vector<Stretch> documents_;
  std::vector<int64_t> longest_;
  mutable Epoch cut_;  // the one that was asked for last, and its row
  mutable std::optional<Pair> found_;
  mutable int64_t found_row_ = -1;
};

}  // namespace storm
