// Long contexts of questions in windows that overlap, each fed with the whole question (Devlin et al. 2018, run_squad).
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "data/token_file.h"
#include "tasks/text_layout.h"

namespace storm {

struct WindowRule {
  int64_t tokens = 0;   // of a window, with its question and what stands around texts
  int64_t overlap = 0;  // pieces that a window shares with the next; fewer where its question leaves it no more

  // The pieces of the context in each window, from and to (not included); one window at least. room: what the question
  // and the ends leave of `tokens`, at least 1.
  std::vector<std::pair<int64_t, int64_t>> cut(int64_t context, int64_t room) const;
};

// The pieces that answer: the first one that ends behind byte `begin` to the last one that begins before `end`. Throws
// Error where these bytes are none of the line's, or no piece stands there; where: the row, in the message.
std::pair<int64_t, int64_t> answered_pieces(std::span<const int32_t> begins, std::span<const int32_t> ends,
                                            int64_t line_bytes, int64_t begin, int64_t end, const std::string& where);

// The windows of a file of questions, contexts, and where in the context's line the answer begins and ends, in bytes: a
// row each. Its columns are the question, the window's pieces, and two ids, the first and the last piece of the answer
// within the window; -1, -1 where the answer is not whole in it, or is none: a row's end is then its beginning.
class AnswerWindows : public RowSource {
 public:
  // file: indexed, of the columns question, context, begin, end, the context placed; it must outlive this. The windows'
  // bounds are kept, 4 bytes a row. no_answer: rows may have none; else they throw Error. Throws Error, too, for a
  // question that leaves no room, and for an answer that is not in its context.
  AnswerWindows(const TokenFile& file, const TextLayout& layout, const WindowRule& rule, bool no_answer);

  int64_t rows(int64_t) const override { return first_.back(); }
  void lengths(int64_t epoch, int64_t row, std::span<int64_t> to) const override;
  void append(int64_t epoch, int64_t row, Rows& to) const override;
  std::span<const int64_t> longest() const override { return longest_; }
  std::vector<int64_t> all_ids(int64_t) const override { return all_; }

 private:
  struct Window {
    int64_t row, question;  // of the file; its question's tokens
    int64_t first, last;    // pieces of its context
  };
  Window window(int64_t number) const;
  std::string place_of(int64_t row) const;  // in errors

  const TokenFile& file_;
  const TextLayout& layout_;
  WindowRule rule_;
  std::vector<int32_t> first_{0};  // [rows + 1]: the number of each row's first window
  std::vector<int64_t> longest_, all_;
};

}  // namespace storm
