// Sums of words as users write them: "king - man + woman".
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace storm {

struct WeightedWord {
  double weight = 1;
  std::string word;
};

// Words with + or - between them, each sign with spaces around it, since words may hold them (co-operate, c++). A sign
// may stand before the first word. NUMBER*WORD weighs a word: 0.5*queen. Throws Error with the column (in bytes, from
// 1) of what is wrong.
std::vector<WeightedWord> parse_expression(std::string_view text);

}  // namespace storm
