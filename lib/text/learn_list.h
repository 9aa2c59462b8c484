// Learning a list of words or labels from text: counting.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "text/list_vocabulary.h"

namespace storm {

struct LearnedList {
  std::string bytes;       // see text/list_vocabulary.h
  int64_t words = 0;       // in the text
  int64_t words_kept = 0;  // of these, the ones that have an entry
  int64_t special = 0;     // of these, the ones called <pad>, <s> or </s>, which are unknown words to a list
};

// Counts the words of the lines that next() gives (false: no more). Words are ordered by how often they come, the most
// frequent first, those of the same count by their bytes; labels by their bytes alone, so that "0" comes before "1".
// most: entries that a list of words may have, the special ones included, 5 at least (0: no limit).
// Throws Error for a text without a word. Memory is linear in the bytes of the different words.
LearnedList learn_list(const std::function<bool(std::string& line)>& next, ListKind kind, int64_t most = 0);

}  // namespace storm
