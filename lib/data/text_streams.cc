#include "data/text_streams.h"

#include <algorithm>

namespace storm {

TextStreams::TextStreams(RunningText text, int64_t block, int64_t streams, bool whole)
    : text_(std::move(text)),
      block_(block),
      streams_(streams),
      length_(text_.size() / streams),
      longer_(whole ? text_.size() % streams : 0),
      longest_(std::min(block, length_ + (longer_ > 0 ? 1 : 0)) + 1) {}

int64_t TextStreams::rows(int64_t) const {
  const int64_t of_all = (length_ + block_ - 1) / block_ * streams_;
  return of_all + (length_ % block_ == 0 ? longer_ : 0);  // the longer ones' last tokens need a batch of their own
}

std::pair<int64_t, int64_t> TextStreams::labels(int64_t row) const {
  const int64_t stream = row % streams_, begin = row / streams_ * block_;
  const int64_t length = length_ + (stream < longer_ ? 1 : 0), at = stream * length_ + std::min(stream, longer_);
  return {at + begin, at + std::min(begin + block_, length)};
}

void TextStreams::lengths(int64_t, int64_t row, std::span<int64_t> to) const {
  const auto [first, last] = labels(row);
  to[0] = last - first + 1;
}

void TextStreams::append(int64_t, int64_t row, Rows& to) const {
  const auto [first, last] = labels(row);
  text_.append(first - 1, last, to.ids);
  to.offsets.push_back(static_cast<int64_t>(to.ids.size()));
}

}  // namespace storm
