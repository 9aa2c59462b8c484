#include "vectors/word_pairs.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/number.h"
#include "text/lines.h"
#include "text/utf8.h"

namespace storm {

std::vector<WordPair> read_word_pairs(const std::string& path) {
  std::vector<WordPair> pairs;
  LineReader reader({path});
  LineBlock block;
  bool header_may_come = true;
  while (reader.next(block, false))
    for (int64_t i = 0; i < block.size(); ++i) {
      const auto line = block[i];
      if (line.empty() || line.starts_with('#')) continue;
      require(valid_utf8_prefix(line) == line.size(), block.where(i), ": not valid UTF-8");
      const bool whole = std::count(line.begin(), line.end(), '\t') >= 2;
      std::string_view rest = line;
      const auto first = take_field(rest), second = take_field(rest), score_text = take_field(rest);
      const auto score = parse_number<double>(score_text);
      const bool header = !score && header_may_come;
      header_may_come = false;
      if (header && whole) continue;
      require(whole && !first.empty() && !second.empty(), block.where(i), ": not word TAB word TAB score");
      require(score && std::isfinite(*score), block.where(i), ": the score '", score_text, "' is not a number");
      pairs.push_back({std::string(first), std::string(second), *score, block.first_line + i});
    }
  require(!pairs.empty(), path, ": holds no pair of words; a line is word TAB word TAB score");
  return pairs;
}

}  // namespace storm
