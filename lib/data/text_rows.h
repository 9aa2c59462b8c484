// Running text: a file's one column read as one long text, and rows cut from it. Such a row is what a language model is
// asked for and the one token before: of the labels at the text's places from a to b (not included), its ids are those
// from a - 1 to b, so that all but the last are inputs and all but the first are labels. What is before the text's
// first token is an EOS. A side that a model is fed of it has added = -1 (batches.h).
#pragma once

#include <optional>
#include <utility>

#include "data/token_file.h"

namespace storm {

// Every row ends with EOS, blank ones are an EOS alone; or (documents) an EOS stands where a row is blank and nowhere
// else, and the other rows are joined. Kept in memory is the place of each EOS with documents, and else nothing.
class RunningText {
 public:
  // file: of one column, indexed, with a row at least; it must outlive this.
  RunningText(const TokenFile& file, int32_t eos, bool documents);

  int64_t size() const { return size_; }  // tokens, EOS included
  // Copies the tokens from `first` (-1: the EOS before the text) to `last` (not included).
  void append(int64_t first, int64_t last, std::vector<int32_t>& to) const;

 private:
  int64_t ends_before(int64_t place) const;  // EOS that stand before it
  int64_t end(int64_t number) const;         // the place of that EOS, or where the text ends

  const TokenFile& file_;
  int32_t eos_;
  bool documents_;
  std::vector<int64_t> ends_;  // with documents
  int64_t size_;
};

// Rows that are stretches of a running text.
class TextStretches : public RowSource {
 public:
  void lengths(int64_t epoch, int64_t row, std::span<int64_t> to) const override;
  void append(int64_t epoch, int64_t row, Rows& to) const override;
  std::span<const int64_t> longest() const override { return {&longest_, 1}; }

 protected:
  // longest: labels of a row. before: whether a row has the token before them, too.
  TextStretches(RunningText&& text, int64_t longest, bool before)
      : text_(std::move(text)), before_(before ? 1 : 0), longest_(longest + before_) {}
  int64_t before() const { return before_; }
  const RunningText& text() const { return text_; }

 private:
  // The places of a row's labels, from and to (not included).
  virtual std::pair<int64_t, int64_t> labels(int64_t epoch, int64_t row) const = 0;

  RunningText text_;
  int64_t before_;  // tokens that a row has before its labels
  int64_t longest_;
};

// The text cut into blocks of so many labels. Each epoch cuts at other places: its first block has a number of labels
// that is drawn uniformly from 1 to `block`, by (seed, epoch) alone; the last one has those that are left.
class TextBlocks : public TextStretches {
 public:
  // seed: none cuts every epoch alike, with a whole block first (for validation). before: off, rows are their labels
  // alone, for tasks that do not ask for what comes next.
  TextBlocks(RunningText text, int64_t block, std::optional<uint64_t> seed, bool before = true);

  int64_t rows(int64_t epoch) const override;
  std::vector<int64_t> all_ids(int64_t epoch) const override { return {text().size() + before() * rows(epoch)}; }

 private:
  std::pair<int64_t, int64_t> labels(int64_t epoch, int64_t row) const override;
  int64_t first_block(int64_t epoch) const;  // how many labels it has

  int64_t block_;
  std::optional<uint64_t> seed_;
};

// The file's rows, each a text of its own: an EOS, the ids, an EOS.
class TextLines : public RowSource {
 public:
  TextLines(const TokenFile& file, int32_t eos);

  int64_t rows(int64_t) const override { return file_.size(); }
  void lengths(int64_t epoch, int64_t row, std::span<int64_t> to) const override;
  void append(int64_t epoch, int64_t row, Rows& to) const override;
  std::span<const int64_t> longest() const override { return {&longest_, 1}; }
  std::vector<int64_t> all_ids(int64_t) const override { return {file_.tokens()[0] + 2 * file_.size()}; }

 private:
  const TokenFile& file_;
  int32_t eos_;
  int64_t longest_;
};

}  // namespace storm
