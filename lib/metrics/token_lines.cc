#include "metrics/token_lines.h"

#include "base/error.h"

namespace storm {

bool begins_stream(Input& input) {
  // The length of a header, far below 2^32, and the header: no text holds such bytes.
  const std::string_view start = input.peek(9);
  return start.size() >= 9 && start[8] == '{' && start.substr(4, 4) == std::string_view("\0\0\0\0", 4);
}

TokenLines::TokenLines(Input input) : reader_(StreamReader(std::move(input))) {
  const TokenInfo& info = reader_.info();
  require(info.has("tgt") || info.columns.size() == 1, reader_.name(),
          ": has no column 'tgt', and more than one other");
  column_ = info.has("tgt") ? "tgt" : info.columns[0];
  const std::string* bytes = info.vocabulary(column_);
  require(bytes, reader_.name(), ": carries no vocabulary, so it cannot be turned into text");
  vocabulary_ = Vocabulary::from_bytes(*bytes, reader_.name());
  reader_.limit(column_, vocabulary_->size());
}

bool TokenLines::next(std::string& line) {
  while (true) {
    if (batch_ && row_ < batch_->size()) {
      const int64_t row = row_++;
      if (!batch_->ranks.empty() && batch_->ranks[static_cast<std::size_t>(row)] != 0) continue;
      line = vocabulary_->decode(batch_->column(column_)[row]);
      return true;
    }
    batch_ = reader_.next();
    row_ = 0;
    if (!batch_) return false;
  }
}

}  // namespace storm
