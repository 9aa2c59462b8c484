#include "data/text_streams.h"

#include <algorithm>

namespace storm {

namespace {

// Tokens of the longest stream.
int64_t longest_stream(const RunningText& text, int64_t streams, bool whole) {
  return (text.size() + (whole ? streams - 1 : 0)) / streams;
}

}  // namespace

TextStreams::TextStreams(RunningText text, int64_t block, int64_t streams, bool whole)
    : TextStretches(std::move(text), std::min(block, longest_stream(text, streams, whole)), true),
      block_(block),
      streams_(streams),
      length_(this->text().size() / streams),
      longer_(whole ? this->text().size() % streams : 0) {}

int64_t TextStreams::rows(int64_t) const {
  const int64_t of_all = (length_ + block_ - 1) / block_ * streams_;
  return of_all + (length_ % block_ == 0 ? longer_ : 0);  // the longer ones' last tokens need a batch of their own
}

std::pair<int64_t, int64_t> TextStreams::labels(int64_t, int64_t row) const {
  const int64_t stream = row % streams_, begin = row / streams_ * block_;
  const int64_t length = length_ + (stream < longer_ ? 1 : 0), at = stream * length_ + std::min(stream, longer_);
  return {at + begin, at + std::min(begin + block_, length)};
}

}  // namespace storm
