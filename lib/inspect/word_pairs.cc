#include "inspect/word_pairs.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

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

std::vector<double> average_ranks(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (std::size_t begin = 0, end; begin < order.size(); begin = end) {
    for (end = begin + 1; end < order.size() && values[order[end]] == values[order[begin]]; ++end) continue;
    for (std::size_t i = begin; i < end; ++i) ranks[order[i]] = static_cast<double>(begin + 1 + end) / 2;
  }
  return ranks;
}

double spearman(std::span<const double> a, std::span<const double> b) {
  const auto x = average_ranks(a), y = average_ranks(b);
  const double mean = (static_cast<double>(x.size()) + 1) / 2;
  double xx = 0, yy = 0, xy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xx += (x[i] - mean) * (x[i] - mean);
    yy += (y[i] - mean) * (y[i] - mean);
    xy += (x[i] - mean) * (y[i] - mean);
  }
  return xx > 0 && yy > 0 ? xy / std::sqrt(xx * yy) : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace storm
