// The first line of word2vec's formats: how many words there are and how wide their vectors, "400000 50".
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace storm {

struct Word2vecHeader {
  int64_t words = 0, width = 0;
  std::size_t bytes = 0;  // its line's, the end included
};

// None where the first line is something else. Numbers that are too large for int64 are INT64_MAX.
std::optional<Word2vecHeader> word2vec_header(std::string_view bytes);

// Whether what follows the header are binary vectors: in text at least half of as many bytes as binary vectors take are
// those of numbers and what stands between them, since each number has two or more.
bool is_word2vec_binary(std::string_view bytes, const Word2vecHeader& header);

}  // namespace storm
