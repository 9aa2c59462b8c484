// The sentences of a token stream as text, so that `decode ... | bleu ref` needs no tokenize -d between.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "stream/tokens.h"
#include "text/vocabulary.h"

namespace storm {

// Whether a token stream, or any other tensor stream, comes next; nothing of it is taken.
bool begins_stream(Input& input);

class TokenLines {
 public:
  // Its column tgt, or else its only one; of n-best lists the best. Throws Error when there is no such thing.
  explicit TokenLines(Input input);
  bool next(std::string& line);  // false at the end

 private:
  TokenReader reader_;
  std::string column_;
  std::optional<Vocabulary> vocabulary_;
  std::optional<TokenBatch> batch_;
  int64_t row_ = 0;
};

}  // namespace storm
