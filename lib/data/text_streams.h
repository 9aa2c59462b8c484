// Running text as parallel streams that are read side by side, block after block, so that a model can carry its state
// from each block of a stream to the next (truncated back-propagation through time).
#pragma once

#include "data/text_rows.h"

namespace storm {

// The text's tokens in so many consecutive streams of equal length. A batch is the next block of every stream: row
// k * streams + i is block k of stream i, and the last block of all has the tokens that are left. Where the length is
// no multiple of the streams, either the text's last tokens are left out, or (whole) the first streams are longer than
// the others by one token, so that the rows of a batch are always those of the first streams: all of them but in the
// last batch, which may have fewer.
class TextStreams : public TextStretches {
 public:
  TextStreams(RunningText text, int64_t block, int64_t streams, bool whole);

  int64_t rows(int64_t epoch) const override;
  std::vector<int64_t> all_ids(int64_t epoch) const override { return {text().size() - left_out() + rows(epoch)}; }
  int64_t streams() const override { return streams_; }

  int64_t length() const { return length_; }  // tokens of a stream, of a shorter one
  int64_t left_out() const { return text().size() - streams_ * length_ - longer_; }  // tokens of the text

 private:
  std::pair<int64_t, int64_t> labels(int64_t epoch, int64_t row) const override;

  int64_t block_, streams_, length_;
  int64_t longer_;  // how many streams have a token more
};

}  // namespace storm
