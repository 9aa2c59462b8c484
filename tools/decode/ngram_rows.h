// The rows that an n-gram model is asked about: of a token stream, or of plain text.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ngram/ngram_model.h"
#include "stream/tokens.h"
#include "text/line_encoder.h"
#include "text/lines.h"
#include "text/word_index.h"

namespace storm {

// Lines of plain text become ids of the model's vocabulary: of one that was counted from plain text, in the way in
// which that was cut, and what its vocabulary lacks is the unknown word; else as tokenize has them.
class NgramRows {
 public:
  // The model is borrowed. path: "-" is standard input. Throws Error for a stream of another vocabulary, and of columns
  // that are not the model's.
  NgramRows(const NgramModel& model, const std::string& path);

  // The next rows of ids, which stay until the next call; false at the end. Throws Error for a line that is no UTF-8 or
  // has <s>, </s> or <pad> among its words.
  bool next(std::vector<std::span<const int32_t>>& rows);
  // Nothing more has arrived yet.
  bool waits() { return reader_ ? reader_->would_block() : input_->would_block(); }

 private:
  void open(Input input);
  bool read_block();
  void encode_block();
  void encode(int64_t line, std::vector<int32_t>& ids);

  const NgramModel& model_;
  std::optional<TokenReader> reader_;  // of a stream
  std::string column_;
  std::optional<TokenBatch> batch_;
  std::optional<Input> input_;  // of text
  LineBlock block_;
  std::vector<std::vector<int32_t>> ids_;  // of the block's lines
  WordIndex words_;                        // by id, of a model of plain text
  std::vector<LineEncoder> encoders_;      // [threads], of another
};

}  // namespace storm
